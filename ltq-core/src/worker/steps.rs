//! [`Steps`]: a worker that runs one message when it is told to. Feature `testing`.
//!
//! The way of the message is the real one: it is taken in a turn of the broker, goes through the worker's checks,
//! middleware, task and settlement, and ends in another turn. What is left out is what a test must not have: the loop,
//! the heartbeat's thread, leases that run out, more than one task at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::builder::Worker;
use super::check::check;
use super::error::WorkerError;
use super::execute::{Execution, Executor};
use super::settle;
use crate::BoxError;
use crate::broker::memory::MemoryBroker;
use crate::broker::{Delivered, End, Settlement, Turn, WorkerId};
use crate::client::scope::scoped;
use crate::message::{DeadReason, Envelope, MessageId, QueueName};
use crate::middleware::{Middleware, Next, RateLimit};
use crate::task::{Delivery, Origin, Output};

/// One execution, as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// The message's id.
    pub id: MessageId,
    /// The task's name; empty where the bytes were no message.
    pub task: String,
    /// The queue the message was taken from.
    pub queue: String,
    /// Which attempt it was, from 1; 0 where the bytes were no message.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an execution ended for its message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Done: the message is gone.
    Done,
    /// Put back.
    Retried {
        /// How long until it is ready again.
        delay: Duration,
        /// Why.
        error: String,
    },
    /// A dead letter.
    Dead {
        /// What kind of end it was.
        reason: DeadReason,
        /// The error's text.
        error: String,
    },
}

/// A worker driven by hand.
pub(crate) struct Steps {
    broker: Arc<MemoryBroker>,
    executor: Executor,
    queues: Vec<QueueName>,
    errors: Arc<Errors>,
}

impl Steps {
    /// Checks a worker as it does itself when it starts.
    ///
    /// Its rate limits go: they follow the machine's clock, and the time in a test is advanced by hand.
    pub(crate) fn new(mut worker: Worker, broker: Arc<MemoryBroker>) -> Result<Self, WorkerError> {
        worker.stack = worker.stack.without::<RateLimit>();
        let plan = check(worker)?;
        let errors = Arc::new(Errors::default());
        let stack = plan.stack.inside(Arc::clone(&errors));
        let executor = Executor::new(plan.registry, plan.states, stack, plan.options);
        Ok(Self { broker, executor, queues: plan.queues, errors })
    }

    /// The queues it serves.
    pub(crate) fn queues(&self) -> &[QueueName] {
        &self.queues
    }

    /// Runs the next message that is due, of the first queue that has one.
    pub(crate) async fn next(&self) -> Option<Run> {
        for queue in &self.queues {
            if let Some(run) = self.step(queue, None).await {
                return Some(run);
            }
        }
        None
    }

    /// Runs this message, if it is due on one of the queues.
    pub(crate) async fn run(&self, id: MessageId) -> Option<Run> {
        for queue in &self.queues {
            if let Some(run) = self.step(queue, Some(id)).await {
                return Some(run);
            }
        }
        None
    }

    /// Takes, executes and settles one message as an incarnation of its own, so that steps may run at once and nest.
    async fn step(&self, queue: &QueueName, only: Option<MessageId>) -> Option<Run> {
        let hands = Hands { broker: &self.broker, queue, worker: WorkerId::new() };
        let reply = self.broker.turn_now(&self.turn(&hands, 1, Vec::new()), only);
        let delivered = reply.taken.into_iter().next()?;
        let (task, attempt) = match Envelope::decode(&delivered.payload) {
            Ok(envelope) => (envelope.task.to_owned(), envelope.attempts.saturating_add(1)),
            Err(_) => (String::new(), 0),
        };
        let id = delivered.id;
        let settlement = self.execute(queue, delivered, reply.now_ms).await;
        let error = self.errors.take(id);
        let outcome = match &settlement.end {
            End::Retry { delay, .. } => {
                let error = error.unwrap_or_else(|| format!("this worker does not know the task `{task}`"));
                Outcome::Retried { delay: *delay, error }
            }
            End::Dead { letter } => Outcome::Dead { reason: letter.reason, error: letter.error.clone() },
            End::Done | End::Return { .. } => Outcome::Done,
        };
        self.broker.turn_now(&self.turn(&hands, 2, vec![settlement]), None);
        Some(Run { id, task, queue: queue.to_string(), attempt, outcome })
    }

    async fn execute(&self, queue: &QueueName, delivered: Delivered, now_ms: u64) -> Settlement {
        let origin = Origin { queue: queue.shared(), client: scoped(), now_ms, cancellation: CancellationToken::new() };
        let execution = Execution { number: 0, delivered, origin: Arc::new(origin), taken_at: Instant::now() };
        self.executor.execute(execution).await
    }

    /// The first turn takes a message, the second settles it.
    fn turn(&self, hands: &Hands<'_>, sequence: u64, settlements: Vec<Settlement>) -> Turn {
        Turn {
            queue: hands.queue.clone(),
            worker: hands.worker.clone(),
            sequence,
            lease: self.executor.options.lease,
            want: usize::from(sequence == 1),
            backlog: false,
            full: false,
            settlements,
            discarded: 0,
            dead_limits: self.executor.options.dead_limits,
        }
    }
}

/// An incarnation; when it ends, or its step is dropped, what it holds goes back.
struct Hands<'a> {
    broker: &'a MemoryBroker,
    queue: &'a QueueName,
    worker: WorkerId,
}

impl Drop for Hands<'_> {
    fn drop(&mut self) {
        self.broker.leave_now(self.queue, &self.worker);
    }
}

/// The outermost level of the stack: remembers why an execution failed, which a message put back does not tell.
#[derive(Default)]
struct Errors {
    texts: Mutex<HashMap<MessageId, String>>,
}

impl Errors {
    fn take(&self, id: MessageId) -> Option<String> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
}

impl Middleware for Errors {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        let id = delivery.context().id();
        let result = next.run(delivery).await;
        if let Err(error) = &result {
            self.texts.lock().unwrap_or_else(PoisonError::into_inner).insert(id, settle::chain(error));
        }
        result
    }

    fn reads_output(&self) -> bool {
        false
    }
}
