//! The contract with whatever stores the messages.
//!
//! It is narrow and batch-first, because the cost of a queue is round trips: a worker under load makes one [`turn`] for
//! hundreds of messages. It is not meant to be implemented or called by users and may change in any release; users call
//! [`Client`](crate::client::Client) and [`Worker`](crate::worker::Worker).
//!
//! At every moment a message is in exactly one place: scheduled, ready, active with one worker, or dead; or it is done.
//! Every call that changes something MUST be atomic and MUST be safe to repeat with the same sequence number after an
//! error that leaves open whether it took effect.
//!
//! [`turn`]: Broker::turn

mod admin;
mod connect;
mod delivered;
mod error;
pub mod memory;
#[cfg(feature = "redis")]
pub mod redis;
mod types;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::admin::{Admin, QueueCounts, QueueStats};
pub use self::connect::{ConnectOptions, DEFAULT_URL, connect, redact_url};
pub(crate) use self::delivered::header_id;
pub use self::delivered::{Delivered, Place};
pub use self::error::BrokerError;
pub use self::types::{
    DeadLimits, Entry, ProducerId, Publish, Recovered, Recovery, Renewal, Settlement, Turn, TurnReply, WorkerId,
};

use crate::message::QueueName;

/// Stores messages and hands them out. Object-safe; one conformance suite runs against every implementation.
#[async_trait]
pub trait Broker: Admin + std::fmt::Debug + Send + Sync + 'static {
    /// Where it is, for messages and logs; MUST NOT hold a password.
    fn address(&self) -> &str;

    /// Puts a batch on one queue: all of it or nothing.
    ///
    /// The calls of one producer to one queue come one after the other with growing sequence numbers. A number that is
    /// not higher than the last one seen MUST change nothing and succeed: it is a repeat whose reply was lost.
    ///
    /// # Cancel safety
    ///
    /// The batch may or may not be on the queue if the future is dropped; repeating the call with its number is safe.
    async fn publish(&self, batch: &Publish) -> Result<(), BrokerError>;

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

    /// The same broker over connections of its own, served by the runtime this is called on.
    async fn dedicated(&self) -> Result<Arc<dyn Broker>, BrokerError>;

    /// Replaces connections that do not answer. Called when a call took longer than it should.
    async fn reconnect(&self);

    /// Sends what is buffered and closes the connections. Idempotent.
    async fn close(&self);
}
