//! [`Consume`]: what a worker asks of a broker.

use std::time::Duration;

use async_trait::async_trait;

use super::{BrokerError, ProcessState, Recovered, Recovery, Renewal, Turn, TurnReply, WorkerId};
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
    /// [`TurnReply::lost`]; turn 1 registers it. Repeating the last number replies what it took again and
    /// changes nothing else.
    ///
    /// # Cancel safety
    ///
    /// Taken messages stay with the worker if the future is dropped; the caller MUST repeat the turn, same number, same
    /// content, until it has a reply.
    async fn turn(&self, turn: &Turn) -> Result<TurnReply, BrokerError>;

    /// The waits it takes to watch all of `queues`, each of which is watched by one of them.
    fn waits(&self, queues: &[QueueName]) -> Vec<Box<dyn Wait>>;

    /// Extends this worker's lease on a queue to `lease` from now, and reports the workers whose lease ran out.
    async fn renew(&self, queue: &QueueName, worker: &WorkerId, lease: Duration) -> Result<Renewal, BrokerError> {
        self.renew_with(queue, worker, lease, None).await
    }

    /// As [`renew`](Self::renew); a worker that is registered also writes what it tells of its process into the process's
    /// record, which then lasts for three leases. Where there is none yet, or none any more, nothing is written without a
    /// description, and the reply asks for it.
    async fn renew_with(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        lease: Duration,
        process: Option<&ProcessState>,
    ) -> Result<Renewal, BrokerError>;

    /// Returns messages of a worker to the head of the queue, in the order in which it took them, a bounded number per call.
    async fn recover(&self, queue: &QueueName, worker: &WorkerId, recovery: Recovery)
    -> Result<Recovered, BrokerError>;
}

/// Waits for messages on some queues, over a connection of its own, which it opens when it first waits and keeps. Dropping
/// the wait closes the connection, after which nothing is taken over it any more.
#[async_trait]
pub trait Wait: Send + std::fmt::Debug {
    /// The queues it watches.
    fn queues(&self) -> &[QueueName];

    /// Waits until one of the queues may have something to take, or until `at_most` has passed. Returns the queue that woke
    /// it. Wakes exactly one of several workers that wait, for each event; may wake for nothing. Of several queues that have
    /// something it prefers none: while all have, each is returned in turn.
    ///
    /// # Cancel safety
    ///
    /// MUST NOT be dropped unless the wait itself is: a wake token may be lost on its way, so whoever drops both looks at
    /// the queues afterwards.
    async fn wait(&mut self, at_most: Duration) -> Result<Option<QueueName>, BrokerError>;
}
