//! [`Admin`]: looking into a queue and repairing it; never on the way of a message.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Ask, BrokerError, ProcessId, ProcessRecord};
use crate::message::{DeadLetter, MessageId, QueueName};

/// How many messages are where, and what has happened since the queue exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Waiting to be taken.
    pub ready: u64,
    /// Waiting for their time.
    pub scheduled: u64,
    /// In the hands of workers.
    pub active: u64,
    /// Dead letters.
    pub dead: u64,
    /// Registered workers, dead ones included until they are recovered.
    pub workers: u64,
    /// What has happened.
    pub counts: QueueCounts,
}

/// Events since the queue exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueCounts {
    /// Messages that ended well.
    pub done: u64,
    /// Times a message was put back with a delay.
    pub retried: u64,
    /// Times a message was handed back unfinished.
    pub returned: u64,
    /// Messages that became dead letters.
    pub dead: u64,
    /// Times a message was recovered from a dead worker.
    pub recovered: u64,
    /// Late results that were refused.
    pub refused: u64,
    /// Dead letters that were trimmed.
    pub trimmed: u64,
}

/// Inspection and repair.
#[async_trait]
pub trait Admin: Send + Sync {
    /// The queues that exist, sorted.
    async fn queues(&self) -> Result<Vec<QueueName>, BrokerError>;

    /// Numbers of one queue; zeros for one that does not exist.
    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, BrokerError>;

    /// Dead letters, the latest first: `limit` of them (at most 1,000) after the first `offset`.
    async fn dead_letters(&self, queue: &QueueName, offset: u64, limit: u64) -> Result<Vec<DeadLetter>, BrokerError>;

    /// One dead letter.
    async fn dead_letter(&self, queue: &QueueName, id: MessageId) -> Result<Option<DeadLetter>, BrokerError>;

    /// Turns a dead letter into a ready message with these bytes. Says whether it was still there.
    async fn replay(&self, queue: &QueueName, id: MessageId, payload: Bytes) -> Result<bool, BrokerError>;

    /// Deletes up to `limit` waiting messages, the ready ones from the head and then the scheduled ones in the order of
    /// their times; says how many. One call deletes at most 500, so that it never holds up a server: repeat it until it
    /// says 0. What workers hold and dead letters stay.
    ///
    /// Repeating it after a lost reply is safe; what the lost call deleted is then in no count.
    async fn clear(&self, queue: &QueueName, limit: u64) -> Result<u64, BrokerError>;

    /// Deletes a dead letter. Says whether it was still there.
    async fn delete_dead(&self, queue: &QueueName, id: MessageId) -> Result<bool, BrokerError>;

    /// What is known of the processes whose workers are registered on the queue, sorted by process; at most 1,000 of them.
    async fn process_records(&self, queue: &QueueName) -> Result<Vec<ProcessRecord>, BrokerError>;

    /// Writes into the record of a process what it is asked to do; its next renewal tells it. Says whether there is a record.
    async fn ask_process(&self, queue: &QueueName, process: &ProcessId, ask: Ask) -> Result<bool, BrokerError>;
}
