//! Returning the messages of workers that died, and one's own when leaving.

use crate::broker::{Broker, BrokerError, Recovery, WorkerId};
use crate::message::QueueName;

/// Returns the messages of a dead worker to the head of the queue; says whether there were any. An error leaves the rest
/// for the next beat, of this worker or another.
pub(super) async fn return_messages(broker: &dyn Broker, queue: &QueueName, dead: &WorkerId, worker: &str) -> bool {
    match all(broker, queue, dead, Recovery::Expired).await {
        Ok(0) => false,
        Ok(messages) => {
            tracing::warn!(worker, %queue, %dead, messages, "recovered the messages of a dead worker");
            true
        }
        Err(error) => {
            tracing::warn!(worker, %queue, %dead, %error, "could not recover a dead worker; trying again");
            // Some may be back already.
            true
        }
    }
}

/// Leaves a queue: whatever is still held goes back, and the worker is not registered any more.
pub(super) async fn leave(broker: &dyn Broker, queue: &QueueName, own: &WorkerId) -> Result<u64, BrokerError> {
    all(broker, queue, own, Recovery::Leaving).await
}

async fn all(
    broker: &dyn Broker,
    queue: &QueueName,
    worker: &WorkerId,
    recovery: Recovery,
) -> Result<u64, BrokerError> {
    let mut messages = 0;
    loop {
        let recovered = broker.recover(queue, worker, recovery).await?;
        messages += recovered.messages;
        if !recovered.more {
            return Ok(messages);
        }
    }
}
