//! [`Waits`]: blocks at the broker while there is nothing to do, so that an idle worker polls nothing.
//!
//! A waiter blocks only when the rota asks for it: a worker that has no use for a token must not take one that would wake
//! another worker. A wait that has begun is never cancelled, because the token it might be taking would be lost; it ends by
//! itself, or with its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::served::BELIEVED;
use crate::broker::{Broker, BrokerError, Wait};
use crate::message::QueueName;

/// How long one wait lasts at most. When it ends the queues are looked at again, so a token lost with a dying worker
/// delays nobody for longer.
const WAIT: Duration = Duration::from_secs(5);
/// How long to wait after an error.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);
/// How long to wait before a wait that watches a queue with a backlog among others: the token of that queue ends it at once.
const PAUSE_BESIDE_BACKLOG: Duration = Duration::from_millis(50);

/// What ended a wait. Queues are told by their index.
#[derive(Debug)]
pub(super) enum Woken {
    /// The token of this queue was taken.
    Token(usize),
    /// Nothing is known: look at all of these.
    Look(Arc<[usize]>),
    /// The broker refuses to let this queue be waited for, however often it is asked.
    Refused(usize, BrokerError),
}

/// The waits of a worker, each in a task of its own.
pub(super) struct Waits {
    broker: Arc<dyn Broker>,
    /// All queues of the worker, the closed ones included.
    queues: Vec<QueueName>,
    waits: Vec<Waiter>,
    events: mpsc::UnboundedReceiver<Woken>,
    tasks: JoinSet<()>,
}

/// The fetch loop's side of one wait.
struct Waiter {
    queues: Arc<[usize]>,
    waits: Arc<AtomicBool>,
    /// Asks for a wait after a pause.
    arm: watch::Sender<Duration>,
}

impl Waits {
    /// Makes the waits of a worker; none blocks before it is armed.
    pub(super) fn start(broker: Arc<dyn Broker>, queues: Vec<QueueName>) -> Self {
        let (_, events) = mpsc::unbounded_channel();
        let mut waits = Self { broker, queues, waits: Vec::new(), events, tasks: JoinSet::new() };
        waits.renew(|_| true);
        waits
    }

    /// Makes all waits anew, for those queues only for which `serves` holds. A token that was on its way to one of the old
    /// waits may be lost: look at the queues afterwards.
    pub(super) fn renew(&mut self, serves: impl Fn(usize) -> bool) {
        let (sender, events) = mpsc::unbounded_channel();
        self.events = events;
        // Dropping the old tasks drops their waits, with their connections.
        self.tasks = JoinSet::new();
        self.waits.clear();
        let served: Vec<_> = self
            .queues
            .iter()
            .enumerate()
            .filter(|(index, _)| serves(*index))
            .map(|(_, queue)| queue.clone())
            .collect();
        for wait in self.broker.waits(&served) {
            let index = |name: &QueueName| self.queues.iter().position(|queue| queue == name);
            let queues: Arc<[usize]> = wait.queues().iter().filter_map(index).collect();
            let waits = Arc::new(AtomicBool::new(false));
            let (arm, armed) = watch::channel(Duration::ZERO);
            let task = Task {
                wait,
                all: self.queues.clone(),
                queues: Arc::clone(&queues),
                waits: Arc::clone(&waits),
                events: sender.clone(),
                refusals: 0,
                warned: false,
            };
            self.tasks.spawn(task.run(armed));
            self.waits.push(Waiter { queues, waits, arm });
        }
    }

    /// Lets every waiter begin that does not wait and watches a queue that is `wanted`.
    pub(super) fn arm(&self, wanted: impl Fn(usize) -> bool) {
        for waiter in &self.waits {
            let of_use = waiter.queues.iter().filter(|queue| wanted(**queue)).count();
            if of_use > 0 && !waiter.waits.swap(true, Ordering::Relaxed) {
                let pause = if of_use == waiter.queues.len() { Duration::ZERO } else { PAUSE_BESIDE_BACKLOG };
                waiter.arm.send_replace(pause);
            }
        }
    }

    /// What ended a wait. Safe to drop.
    pub(super) async fn woken(&mut self) -> Option<Woken> {
        self.events.recv().await
    }

    /// Ends all waits by closing their connections, which tells the broker not to hand them a token any more.
    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// One wait and whom it tells.
struct Task {
    wait: Box<dyn Wait>,
    all: Vec<QueueName>,
    queues: Arc<[usize]>,
    waits: Arc<AtomicBool>,
    events: mpsc::UnboundedSender<Woken>,
    /// How many refusals came in a row.
    refusals: u32,
    /// Whether a failure was told that the turns may not meet.
    warned: bool,
}

impl Task {
    async fn run(mut self, mut armed: watch::Receiver<Duration>) {
        while armed.changed().await.is_ok() {
            let pause = *armed.borrow_and_update();
            tokio::time::sleep(pause).await;
            let woken = self.wait_once().await;
            self.waits.store(false, Ordering::Relaxed);
            if self.events.send(woken).is_err() {
                return;
            }
        }
    }

    async fn wait_once(&mut self) -> Woken {
        let look = Woken::Look(Arc::clone(&self.queues));
        let error = match self.wait.wait(WAIT).await {
            Ok(woken) => {
                self.refusals = 0;
                let index = woken.and_then(|name| self.all.iter().position(|queue| *queue == name));
                return index.map_or(look, Woken::Token);
            }
            Err(error) => error,
        };
        self.refusals = if error.is_refusal() { self.refusals + 1 } else { 0 };
        match *self.queues {
            // Of several, the turns tell which one is refused.
            [queue] if self.refusals == BELIEVED => Woken::Refused(queue, error),
            _ => {
                let passes = error.is_transient() || matches!(error, BrokerError::Closed { .. });
                if !passes && !std::mem::replace(&mut self.warned, true) {
                    tracing::warn!(%error, "waiting failed; looking twice a second while it does");
                }
                tracing::debug!(%error, "waiting failed; looking again soon");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                look
            }
        }
    }
}
