//! [`Consume`]: what a worker asks of a broker.

use std::time::Duration;

use async_trait::async_trait;

use super::{BrokerError, Recovered, Recovery, Renewal, Turn, TurnReply, WorkerId};
use crate::message::QueueName;

/// Hands messages out under leases, and takes in how they ended.
#[async_trait]
pub trait Consume: Send + Sync {
    /// Finds out, without changing anything, whether the store lets this user do everything that consuming `queue` needs.
    /// A worker asks before its first turn; what is refused in the middle of a turn later loses nothing, but may run
    /// messages twice.
    async fn prove(&self, queue: &QueueName) -> Result<(), BrokerError>;

    /// Settles finished messages, makes due ones ready, and takes up to `want` ready ones, in one step.
    ///
    /// A settlement counts only while the message is still in this worker's hands. A turn of a worker that is no longer
    /// registered (its lease ran out and another worker took its messages) changes nothing, takes nothing and replies
    /// [`TurnReply::lost`]; turn 1 registers it. Repeating the last number replies the same deliveries again and
    /// changes nothing else.
    ///
    /// # Cancel safety
    ///
    /// Taken messages stay with the worker if the future is dropped; the caller MUST repeat the turn, same number, same
    /// content, until it has a reply.
    async fn turn(&self, turn: &Turn) -> Result<TurnReply, BrokerError>;

    /// Waits until one of `queues` may have something to take, or until `at_most` has passed. Returns the queue that
    /// woke it. Wakes exactly one of several waiting workers per event; may wake for nothing.
    ///
    /// # Cancel safety
    ///
    /// MUST NOT be dropped: a wake token may be lost on its way.
    async fn wait(&self, queues: &[QueueName], at_most: Duration) -> Result<Option<QueueName>, BrokerError>;

    /// How many of `queues` one call of [`wait`](Self::wait) can watch: each inner list needs a call of its own.
    fn wait_groups(&self, queues: &[QueueName]) -> Vec<Vec<QueueName>> {
        vec![queues.to_vec()]
    }

    /// Extends this worker's lease on a queue to `lease` from now, and reports the workers whose lease ran out.
    async fn renew(&self, queue: &QueueName, worker: &WorkerId, lease: Duration) -> Result<Renewal, BrokerError>;

    /// Returns messages of a worker to the head of the queue, in the order in which it took them, a bounded number per call.
    async fn recover(&self, queue: &QueueName, worker: &WorkerId, recovery: Recovery)
    -> Result<Recovered, BrokerError>;
}
