//! [`SendError`]: why a message was not sent.

use std::sync::Arc;

use crate::broker::BrokerError;
use crate::message::{EncodeError, InvalidQueueName, MessageId};

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
    /// The broker did not take it, or cannot be reached.
    #[error(transparent)]
    Broker(Arc<BrokerError>),
    /// Some messages of a bulk were accepted before one was not.
    #[error("only {} messages were accepted before one failed", accepted.len())]
    Partial {
        /// The ids of those that were accepted.
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
