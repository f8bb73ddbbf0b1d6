//! [`Waiters`]: blocks at the broker while there is nothing to do, so that an idle worker polls nothing.
//!
//! A waiter blocks only when the fetch loop asks for it: a worker without a free slot must not take the token that would
//! wake another one. A wait that has begun is never cancelled, because the token it might be taking would be lost; it
//! ends with its connection, which is the waiters' own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use crate::broker::{Broker, BrokerError};
use crate::message::QueueName;

/// How long one wait lasts at most. When it ends the queues are looked at again, so a token lost with a dying worker
/// delays nobody for longer.
const WAIT: Duration = Duration::from_secs(5);
/// How long to wait after an error.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);

/// What ended a wait.
pub(super) enum Woken {
    /// This queue has something.
    Queue(QueueName),
    /// Nothing is known: look at all of these.
    Look(Vec<QueueName>),
}

/// One waiter for each group of queues the broker can watch in one call.
pub(super) struct Waiters {
    broker: Arc<dyn Broker>,
    groups: Vec<Arc<Group>>,
    events: mpsc::UnboundedReceiver<Woken>,
    tasks: JoinSet<()>,
}

struct Group {
    queues: Vec<QueueName>,
    armed: AtomicBool,
    arm: Notify,
}

impl Waiters {
    /// Opens the waiters' own connection.
    pub(super) async fn start(broker: &Arc<dyn Broker>, queues: &[QueueName]) -> Result<Self, BrokerError> {
        let broker = broker.dedicated().await?;
        let (sender, events) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let groups = broker.wait_groups(queues).into_iter().map(|queues| {
            let group = Arc::new(Group { queues, armed: AtomicBool::new(false), arm: Notify::new() });
            tasks.spawn(Arc::clone(&group).run(Arc::clone(&broker), sender.clone()));
            group
        });
        Ok(Self { groups: groups.collect(), broker, events, tasks })
    }

    /// Lets every waiter that does not wait begin to.
    pub(super) fn arm(&self) {
        for group in &self.groups {
            if !group.armed.swap(true, Ordering::Relaxed) {
                group.arm.notify_one();
            }
        }
    }

    /// What ended a wait. Safe to drop.
    pub(super) async fn woken(&mut self) -> Option<Woken> {
        self.events.recv().await
    }

    /// Ends all waits by closing their connection, which tells the broker not to hand them a token any more.
    pub(super) async fn stop(mut self) {
        self.broker.close().await;
        self.tasks.shutdown().await;
    }
}

impl Group {
    async fn run(self: Arc<Self>, broker: Arc<dyn Broker>, events: mpsc::UnboundedSender<Woken>) {
        let mut warned = false;
        loop {
            self.arm.notified().await;
            let woken = match broker.wait(&self.queues, WAIT).await {
                Ok(Some(queue)) => Woken::Queue(queue),
                Ok(None) => Woken::Look(self.queues.clone()),
                Err(error) => {
                    // What passes by itself is told by the turns; a missing permission is met nowhere else.
                    if !error.is_transient() && !matches!(error, BrokerError::Closed { .. }) && !warned {
                        tracing::warn!(%error, "waiting failed; looking twice a second from now on");
                        warned = true;
                    }
                    tracing::debug!(%error, "waiting failed; looking again soon");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                    Woken::Look(self.queues.clone())
                }
            };
            self.armed.store(false, Ordering::Relaxed);
            if events.send(woken).is_err() {
                return;
            }
        }
    }
}
