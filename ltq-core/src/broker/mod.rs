//! The contract with whatever stores the messages.
//!
//! It is narrow and bulk-first, because the cost of a queue is round trips: a worker under load makes one [`turn`] for
//! hundreds of messages. It is not meant to be implemented or called by users and may change in any release; users call
//! [`Client`](crate::client::Client) and [`Worker`](crate::worker::Worker).
//!
//! At every moment a message is in exactly one place: scheduled, ready, active with one worker, or dead; or it is done.
//! Every call that changes something MUST be atomic and MUST be safe to repeat with the same sequence number after an
//! error that leaves open whether it took effect.
//!
//! [`turn`]: Consume::turn

mod address;
mod admin;
mod connect;
mod consume;
mod delivered;
mod error;
pub mod memory;
mod options;
mod process;
mod produce;
#[cfg(feature = "redis")]
pub mod redis;
mod types;

use std::sync::Arc;

use async_trait::async_trait;

pub use self::address::redact_url;
pub use self::admin::{Admin, QueueCounts, QueueStats};
pub use self::connect::{DEFAULT_URL, connect};
pub use self::consume::{Consume, Wait};
pub(crate) use self::delivered::header_id;
pub use self::delivered::{Delivered, Place};
pub use self::error::BrokerError;
pub use self::options::ConnectOptions;
pub use self::process::{Ask, Description, KnownTasks, ProcessId, ProcessRecord, ProcessState, Running};
pub use self::produce::Produce;
pub use self::types::{
    Answer, DeadLimits, Effect, End, Entry, ProducerId, Publish, Published, Recovered, Recovery, Renewal, Settlement,
    Turn, TurnReply, WorkerId,
};

/// Stores messages and hands them out: what it can do is in [`Produce`], [`Consume`] and [`Admin`], by who asks for it.
/// Object-safe; one conformance suite runs against every implementation.
#[async_trait]
pub trait Broker: Produce + Consume + Admin + std::fmt::Debug + Send + Sync + 'static {
    /// Where it is, for messages and logs; MUST NOT hold a password.
    fn address(&self) -> &str;

    /// The same broker over connections of its own, served by the runtime this is called on.
    async fn dedicated(&self) -> Result<Arc<dyn Broker>, BrokerError>;

    /// Sends what is buffered and closes the connections. Idempotent.
    async fn close(&self);
}
