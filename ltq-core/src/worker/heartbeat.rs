//! [`Heartbeat`]: renews the leases, returns the messages of dead workers, and watches that the worker makes progress.
//!
//! It has a thread, a runtime and a connection of its own: a task that blocks the worker's runtime must not cost the
//! worker its leases, and a runtime that hangs for good must not keep the watchdog from seeing it. The leases are renewed
//! all at once, each for itself: a queue whose server is away must not cost the worker the others.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::health::Health;
use super::membership::Membership;
use super::pool::RunningView;
use super::{WorkerError, record, recover};
use crate::broker::{Broker, BrokerError, Description, Renewal};
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
    pub(super) description: Arc<Description>,
    pub(super) running: RunningView,
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
        let mut beats = Beats::new(self.settings.memberships.len(), Instant::now());
        let mut renewals = FuturesUnordered::new();
        loop {
            let now = Instant::now();
            while let Some(index) = beats.next_due(now) {
                if self.settings.memberships[index].is_closed() {
                    beats.leave_out(index);
                } else {
                    renewals.push(self.renew_in_time(index, now));
                }
            }
            let look_at = now + self.interval();
            // A call may wait for a broker that is away; neither the watchdog nor another queue must wait with it.
            tokio::select! {
                Some(renewed) = renewals.next(), if !renewals.is_empty() => {
                    if beats.ended(&renewed, self.interval()) {
                        self.settings.health.leases_renewed();
                    }
                }
                () = tokio::time::sleep_until(beats.next_at().map_or(look_at, |at| at.min(look_at))) => {}
                () = stop.cancelled() => break,
            }
            watchdog.look(&self.settings, &self.pulse);
        }
        drop(renewals);
        self.broker.close().await;
    }

    fn interval(&self) -> Duration {
        self.settings.lease / 4
    }

    /// Renews one lease, or gives up after the time it lasts: it is lost by then.
    async fn renew_in_time(&self, index: usize, began: Instant) -> Renewed {
        let membership = &self.settings.memberships[index];
        let Ok(next) = tokio::time::timeout(self.settings.lease, self.renew(membership)).await else {
            tracing::warn!(
                worker = self.settings.worker,
                queue = %membership.queue(),
                "could not renew the lease within the time it lasts; trying again"
            );
            return Renewed { index, began, next: None };
        };
        Renewed { index, began, next }
    }

    /// Renews one lease; returns when the next other lease runs out, if any does, or nothing where the broker failed.
    async fn renew(&self, membership: &Membership) -> Option<Option<Duration>> {
        let queue = membership.queue();
        // Read before the call: an incarnation that is confirmed only now was not known to the broker then.
        let incarnation = membership.current();
        let description = membership.is_to_be_described().then_some(&self.settings.description);
        let state = record::state(&self.settings.running, queue, description);
        match self.broker.renew_with(queue, &incarnation.worker, self.settings.lease, Some(&state)).await {
            // Nobody acts on what the process is asked to do yet.
            Ok(Renewal { held, expired, next_expiry, describe, ask: _ }) => {
                membership.set_described(held && !describe);
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
                None
            }
        }
    }

    fn report(&self, queue: &str, error: &BrokerError) {
        tracing::warn!(worker = self.settings.worker, queue, %error, "could not renew the lease; trying again");
    }
}

/// A renewal that is over.
struct Renewed {
    /// Of which membership.
    index: usize,
    began: Instant,
    /// When the next other lease on the queue runs out, if any does; nothing where the broker failed.
    next: Option<Option<Duration>>,
}

/// When which lease has to be renewed. All are renewed at the same moments, as long as each renewal is answered.
struct Beats {
    /// When, for each membership; nothing while a renewal is under way.
    due: Vec<Option<Instant>>,
    /// Which were not renewed since all of them last were.
    missing: Vec<bool>,
    /// Which are not to be renewed any more.
    left_out: Vec<bool>,
}

impl Beats {
    fn new(count: usize, now: Instant) -> Self {
        Self { due: vec![Some(now); count], missing: vec![true; count], left_out: vec![false; count] }
    }

    /// Takes one that is due.
    fn next_due(&mut self, now: Instant) -> Option<usize> {
        let index = self.due.iter().position(|due| due.is_some_and(|due| due <= now))?;
        self.due[index] = None;
        Some(index)
    }

    /// This one is not renewed any more.
    fn leave_out(&mut self, index: usize) {
        self.left_out[index] = true;
        self.missing[index] = false;
    }

    /// When the next one is due.
    fn next_at(&self) -> Option<Instant> {
        self.due.iter().flatten().min().copied()
    }

    /// A renewal is over. Says whether every lease has been renewed since this was last so.
    fn ended(&mut self, renewed: &Renewed, interval: Duration) -> bool {
        let next = renewed.next.flatten().map_or(interval, |next| interval.min(next + EXPIRY_MARGIN));
        self.due[renewed.index] = Some(renewed.began + next.max(EXPIRY_MARGIN));
        self.missing[renewed.index] &= renewed.next.is_none();
        let all = !self.missing.contains(&true);
        if all {
            self.missing.iter_mut().zip(&self.left_out).for_each(|(missing, left_out)| *missing = !left_out);
        }
        all
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
