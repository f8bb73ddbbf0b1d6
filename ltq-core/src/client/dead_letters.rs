//! [`DeadLetters`]: looking at messages that ended without success, and giving them another chance.

use std::fmt;
use std::sync::Arc;

use crate::broker::{Broker, BrokerError};
use crate::message::{DeadLetter, MessageId, QueueName};

/// The dead letters of one queue.
#[derive(Clone)]
pub struct DeadLetters {
    broker: Arc<dyn Broker>,
    queue: QueueName,
}

impl DeadLetters {
    pub(super) fn new(broker: Arc<dyn Broker>, queue: QueueName) -> Self {
        Self { broker, queue }
    }

    /// Up to `limit` of them (at most 1,000), the latest first, after the first `offset`.
    ///
    /// # Errors
    ///
    /// The broker did not answer.
    pub async fn list(&self, offset: u64, limit: u64) -> Result<Vec<DeadLetter>, BrokerError> {
        self.broker.dead_letters(&self.queue, offset, limit).await
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// The broker did not answer.
    pub async fn get(&self, id: MessageId) -> Result<Option<DeadLetter>, BrokerError> {
        self.broker.dead_letter(&self.queue, id).await
    }

    /// Puts one back on its queue as if it had been sent now: no attempt charged, its age counted anew. Says whether it
    /// was still there.
    ///
    /// # Errors
    ///
    /// The broker did not answer.
    pub async fn replay(&self, id: MessageId) -> Result<bool, BrokerError> {
        match self.get(id).await? {
            Some(letter) => {
                // A new id carries the sender's clock, as every message does.
                let now_ms = MessageId::new().timestamp_ms();
                self.broker.replay(&self.queue, id, letter.replay_payload(now_ms)).await
            }
            None => Ok(false),
        }
    }

    /// Deletes one for good. Says whether it was still there.
    ///
    /// # Errors
    ///
    /// The broker did not answer.
    pub async fn delete(&self, id: MessageId) -> Result<bool, BrokerError> {
        self.broker.delete_dead(&self.queue, id).await
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeadLetters").field(&self.queue).finish()
    }
}
