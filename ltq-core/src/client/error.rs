//! [`SendError`]: why a message was not sent.

use std::sync::Arc;

use crate::broker::BrokerError;
use crate::message::{Durability, EncodeError, InvalidQueueName, MessageId};

/// Why a message was not sent. No text holds arguments.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The arguments do not serialise.
    #[error("a message for the task `{task}` cannot be sent")]
    Encode {
        /// The task's name.
        task: String,
        /// What does not serialise.
        #[source]
        source: EncodeError,
    },
    /// The message is too large. Send a reference to the data instead, or raise the client's limit.
    #[error(
        "a message for the task `{task}` has {size} bytes, {limit} are allowed: send where the data is instead of the \
         data, or raise the limit with `ClientBuilder::max_message_bytes`"
    )]
    TooLarge {
        /// The task's name.
        task: String,
        /// The size of the encoded message.
        size: usize,
        /// The client's limit.
        limit: usize,
    },
    /// A middleware of the client refused it.
    #[error("a message for the task `{task}` was refused: {source}")]
    Refused {
        /// The task's name.
        task: String,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The queue cannot be called that.
    #[error(transparent)]
    InvalidQueueName(#[from] InvalidQueueName),
    /// More waits to be sent than the client may hold: the broker is away or too slow. Nothing was sent.
    #[error(
        "{buffered} bytes of messages wait to be sent, {limit} are allowed: the broker is away or slower than this \
         program sends; send less, or raise the limit with `ClientBuilder::max_buffered_bytes`"
    )]
    BufferFull {
        /// How many bytes wait.
        buffered: usize,
        /// The client's limit.
        limit: usize,
    },
    /// The queue holds as many waiting messages as the client allows. Nothing was sent.
    #[error(
        "the queue `{queue}` holds {limit} waiting messages or more: send less, start more workers, or raise the limit \
         with `ClientBuilder::max_queue_length`"
    )]
    QueueFull {
        /// Which queue.
        queue: String,
        /// The client's limit.
        limit: u64,
    },
    /// It is on its queue and will run, but it is not as safe as asked. Sending it again would run it twice.
    #[error("the message {id} is on its queue, but it is not {wanted}: {reason}; do not send it again")]
    NotDurable {
        /// The message.
        id: MessageId,
        /// The level that was not reached.
        wanted: Durability,
        /// How far it came.
        reason: String,
    },
    /// The broker did not take it, or cannot be reached.
    #[error(transparent)]
    Broker(Arc<BrokerError>),
    /// A bulk ended before all of its messages were sent, or before all were as safe as asked.
    #[error("only {} messages were accepted before one failed", accepted.len())]
    Partial {
        /// The ids of those that are on their queues. After [`SendError::NotDurable`] that includes those that are not as
        /// safe as asked.
        accepted: Vec<MessageId>,
        /// Why the next one was not.
        #[source]
        source: Box<SendError>,
    },
    /// Only in a test whose queue runs what is sent in place: the message was accepted, and its task ended badly.
    #[cfg(feature = "testing")]
    #[error("the task `{task}`, run in place by the test, did not succeed: {error}")]
    RunInPlace {
        /// The task's name.
        task: String,
        /// How it ended.
        error: String,
    },
}

impl From<BrokerError> for SendError {
    fn from(error: BrokerError) -> Self {
        Self::Broker(Arc::new(error))
    }
}

impl SendError {
    /// What the refusal of a call that carried the message `id` means for it.
    pub(super) fn of_call(error: &Arc<BrokerError>, id: MessageId) -> Self {
        match &**error {
            BrokerError::QueueFull { queue, limit } => Self::QueueFull { queue: queue.clone(), limit: *limit },
            BrokerError::NotDurable { wanted, reason, .. } => {
                Self::NotDurable { id, wanted: *wanted, reason: reason.clone() }
            }
            _ => Self::Broker(Arc::clone(error)),
        }
    }

    /// Whether the message is on its queue all the same.
    #[must_use]
    pub fn is_enqueued(&self) -> bool {
        matches!(self, Self::NotDurable { .. })
    }
}
