//! [`Queue`]: looking into one queue, and clearing it.

use std::fmt;
use std::sync::Arc;

use super::DeadLetters;
use crate::broker::{Broker, BrokerError, QueueStats};
use crate::message::QueueName;

/// One queue of a client's broker, from [`Client::queue`](super::Client::queue). Cheap to clone.
///
/// It need not exist: a queue is made by its first message, and one without messages has nothing in it.
#[derive(Clone)]
pub struct Queue {
    broker: Arc<dyn Broker>,
    name: QueueName,
}

impl Queue {
    pub(super) fn new(broker: Arc<dyn Broker>, name: QueueName) -> Self {
        Self { broker, name }
    }

    /// The queue's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// How many of its messages are where, and what has happened since it exists.
    ///
    /// # Errors
    ///
    /// The broker did not answer.
    pub async fn stats(&self) -> Result<QueueStats, BrokerError> {
        self.broker.stats(&self.name).await
    }

    /// Deletes the waiting messages, ready and scheduled; says how many. What workers hold and dead letters stay.
    ///
    /// At most as many are deleted as were waiting when it began, so that it ends although others go on sending.
    ///
    /// # Errors
    ///
    /// The broker did not answer; what was deleted until then stays deleted.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the rest of the messages where they are.
    pub async fn clear(&self) -> Result<u64, BrokerError> {
        let stats = self.stats().await?;
        let waiting = stats.ready.saturating_add(stats.scheduled);
        let mut deleted = 0;
        while deleted < waiting {
            match self.broker.clear(&self.name, waiting - deleted).await? {
                0 => break,
                more => deleted += more,
            }
        }
        Ok(deleted)
    }

    /// Its messages that ended without success: to list, replay and delete them.
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(Arc::clone(&self.broker), self.name.clone())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.name).finish()
    }
}
