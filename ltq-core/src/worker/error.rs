//! [`WorkerError`]: why a worker did not start, or gave up.

use std::time::Duration;

use crate::broker::BrokerError;
use crate::message::InvalidQueueName;
use crate::middleware::InvalidMiddleware;
use crate::task::{DuplicateTask, MissingState};

/// Why a worker did not start, or gave up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// No task would ever run.
    #[error("the worker `{worker}` has nothing to do: {reason}")]
    NoTasks {
        /// The worker's name.
        worker: String,
        /// What was looked for and what there is.
        reason: String,
    },
    /// Two tasks have one name.
    #[error(transparent)]
    DuplicateTask(#[from] DuplicateTask),
    /// A task asks for a state the worker does not have.
    #[error(transparent)]
    MissingState(#[from] MissingState),
    /// A queue cannot be called that.
    #[error(transparent)]
    InvalidQueueName(#[from] InvalidQueueName),
    /// A middleware has settings it cannot work with.
    #[error(transparent)]
    InvalidMiddleware(#[from] InvalidMiddleware),
    /// A number makes no sense.
    #[error("the worker's {option} is {value}: {rule}")]
    InvalidOption {
        /// Which one.
        option: &'static str,
        /// What it is.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The broker cannot be used.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// No queue is left to serve: each was closed, because the broker refuses what serving it needs.
    #[error("no queue is left to serve; the last, `{queue}`, was closed because the broker refuses what that needs")]
    QueuesClosed {
        /// The queue that was closed last.
        queue: String,
        /// What it refuses, and what to do.
        #[source]
        source: BrokerError,
    },
    /// A part of the worker could not be started.
    #[error("the worker could not start its {part}")]
    Start {
        /// Which part.
        part: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A part of the worker panicked, outside any task.
    #[error("the worker panicked; the message is above, in what the process wrote to stderr")]
    Panicked,
    /// The watchdog ended it: it is not silent, it says so and leaves the rest to its supervisor.
    #[error("the worker gave up: {what} for {limit:?}; its supervisor should restart it")]
    Stalled {
        /// What did not happen.
        what: &'static str,
        /// For how long.
        limit: Duration,
    },
}
