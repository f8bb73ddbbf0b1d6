//! [`MemoryWait`]: waiting for something to do, without polling.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::select_all;
use tokio::sync::Notify;

use crate::broker::{BrokerError, Wait};
use crate::message::QueueName;

/// A wait for some queues, each of which has a bell.
#[derive(Debug)]
pub(super) struct MemoryWait {
    queues: Vec<QueueName>,
    bells: Vec<Arc<Notify>>,
    /// Whose bell is listened to first; it moves on so that none is preferred.
    first: usize,
}

impl MemoryWait {
    pub(super) fn new(queues: Vec<QueueName>, bells: Vec<Arc<Notify>>) -> Self {
        Self { queues, bells, first: 0 }
    }
}

#[async_trait]
impl Wait for MemoryWait {
    fn queues(&self) -> &[QueueName] {
        &self.queues
    }

    /// # Cancel safety
    ///
    /// May be dropped here: a token that was given to the dropped future goes to the next who waits.
    async fn wait(&mut self, at_most: Duration) -> Result<Option<QueueName>, BrokerError> {
        let count = self.bells.len();
        let first = self.first;
        let bells = (0..count).map(|offset| &self.bells[(first + offset) % count]);
        let rung = select_all(bells.map(|bell| Box::pin(bell.notified())));
        let Ok(((), offset, _)) = tokio::time::timeout(at_most, rung).await else { return Ok(None) };
        let rung = (first + offset) % count;
        self.first = rung + 1;
        Ok(self.queues.get(rung).cloned())
    }
}
