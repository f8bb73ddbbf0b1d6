//! [`Heartbeat`]: renews the leases, returns the messages of dead workers, and watches that the worker makes progress.
//!
//! It has a thread, a runtime and a connection of its own: a task that blocks the worker's runtime must not cost the
//! worker its leases, and a runtime that hangs for good must not keep the watchdog from seeing it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::health::Health;
use super::membership::Membership;
use super::{WorkerError, recover};
use crate::broker::{Broker, BrokerError, Renewal};
use crate::message::QueueName;

/// After the lease of another worker has run out, how long until it is looked at: clocks count in whole milliseconds.
const EXPIRY_MARGIN: Duration = Duration::from_millis(5);
/// After the worker was told that it has stalled, how long it has to end by itself.
const STALL_GRACE: Duration = Duration::from_secs(10);
/// The exit code of a process that had to be ended by the watchdog.
const EXIT_STALLED: i32 = 70;

/// What the heartbeat tells the fetch loop.
pub(super) enum Pulse {
    /// A lease was lost; the membership has a new incarnation.
    LeaseLost,
    /// Messages of a dead worker are back on the queue. The broker's token for them may have gone to the dead worker's
    /// own wait, where the connection of a lost machine is still open.
    Recovered(QueueName),
    /// The watchdog gives up.
    Stalled { what: &'static str, limit: Duration },
}

/// What the heartbeat is made of.
pub(super) struct Settings {
    pub(super) worker: String,
    pub(super) broker: Arc<dyn Broker>,
    pub(super) memberships: Vec<Arc<Membership>>,
    pub(super) lease: Duration,
    pub(super) health: Health,
    pub(super) exit_when_stalled: bool,
}

/// A running heartbeat. It stops when dropped.
pub(super) struct Heartbeat {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
    pulses: mpsc::UnboundedReceiver<Pulse>,
}

impl Heartbeat {
    /// Starts the thread and waits until it is connected.
    pub(super) async fn start(settings: Settings) -> Result<Self, WorkerError> {
        let stop = CancellationToken::new();
        let (pulse, pulses) = mpsc::unbounded_channel();
        let (connected, connecting) = oneshot::channel();
        let start_error = |source| WorkerError::Start { part: "heartbeat", source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(start_error)?;
        let stopping = stop.clone();
        let thread = std::thread::Builder::new()
            .name("ltq-heartbeat".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    match settings.broker.dedicated().await {
                        Ok(broker) => {
                            let _ = connected.send(Ok(()));
                            Beat { broker, pulse, settings }.run(stopping).await;
                        }
                        Err(error) => drop(connected.send(Err(error))),
                    }
                });
            })
            .map_err(start_error)?;
        let heartbeat = Self { stop, thread: Some(thread), pulses };
        match connecting.await {
            Ok(result) => result?,
            Err(_) => return Err(start_error(std::io::Error::other("its thread ended"))),
        }
        Ok(heartbeat)
    }

    /// What it has to tell; `None` when its thread ended. Safe to drop.
    pub(super) async fn pulse(&mut self) -> Option<Pulse> {
        self.pulses.recv().await
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop.cancel();
        // Not joined: its last call may wait for a broker that is away, and it holds nothing that must be released.
        drop(self.thread.take());
    }
}

struct Beat {
    broker: Arc<dyn Broker>,
    pulse: mpsc::UnboundedSender<Pulse>,
    settings: Settings,
}

impl Beat {
    async fn run(self, stop: CancellationToken) {
        let mut watchdog = Watchdog { told_at: None };
        let interval = self.settings.lease / 4;
        loop {
            let beat_at = Instant::now();
            let mut next = interval;
            let round = async {
                let mut all = true;
                for membership in self.settings.memberships.iter().filter(|membership| !membership.is_closed()) {
                    let renewed = self.renew(membership).await;
                    all &= renewed.is_some();
                    next = next.min(renewed.flatten().unwrap_or(interval) + EXPIRY_MARGIN);
                }
                if all {
                    self.settings.health.leases_renewed();
                }
            };
            // A call may wait for a broker that is away; the watchdog must not wait with it.
            tokio::select! {
                () = round => {}
                () = tokio::time::sleep(self.settings.lease) => {}
                () = stop.cancelled() => break,
            }
            watchdog.look(&self.settings, &self.pulse);
            tokio::select! {
                () = tokio::time::sleep_until(beat_at + next.max(EXPIRY_MARGIN)) => {}
                () = stop.cancelled() => break,
            }
        }
        self.broker.close().await;
    }

    /// Renews one lease; returns when the next other lease runs out, if any does, or nothing where the broker failed.
    async fn renew(&self, membership: &Membership) -> Option<Option<Duration>> {
        let queue = membership.queue();
        // Read before the call: an incarnation that is confirmed only now was not known to the broker then.
        let incarnation = membership.current();
        match self.broker.renew(queue, &incarnation.worker, self.settings.lease).await {
            Ok(Renewal { held, expired, next_expiry, .. }) => {
                self.settings.health.broker_answered();
                if !held && incarnation.registered && membership.lose(incarnation.epoch) {
                    let _ = self.pulse.send(Pulse::LeaseLost);
                }
                for dead in expired.iter().filter(|dead| **dead != incarnation.worker) {
                    if recover::return_messages(&*self.broker, queue, dead, &self.settings.worker).await {
                        let _ = self.pulse.send(Pulse::Recovered(queue.clone()));
                    }
                }
                Some(next_expiry)
            }
            Err(error) => {
                self.report(queue.as_str(), &error);
                if matches!(error, BrokerError::Timeout { .. }) {
                    self.broker.reconnect().await;
                }
                None
            }
        }
    }

    fn report(&self, queue: &str, error: &BrokerError) {
        tracing::warn!(worker = self.settings.worker, queue, %error, "could not renew the lease; trying again");
    }
}

/// Tells the worker when it makes no progress, and ends the process when even that does not help.
struct Watchdog {
    told_at: Option<Instant>,
}

impl Watchdog {
    fn look(&mut self, settings: &Settings, pulse: &mpsc::UnboundedSender<Pulse>) {
        let Some((what, limit)) = settings.health.stalled() else {
            self.told_at = None;
            return;
        };
        match self.told_at {
            None => {
                tracing::error!(worker = settings.worker, ?limit, "watchdog: {what}");
                let _ = pulse.send(Pulse::Stalled { what, limit });
                self.told_at = Some(Instant::now());
            }
            Some(told_at) if settings.exit_when_stalled && told_at.elapsed() > STALL_GRACE => {
                tracing::error!(
                    worker = settings.worker,
                    "watchdog: the worker does not end by itself; ending the process"
                );
                std::process::exit(EXIT_STALLED);
            }
            Some(_) => {}
        }
    }
}
