//! [`BrokerError`]: what a caller can do about a broker that did not do as asked.

use std::time::Duration;

use crate::BoxError;
use crate::message::Durability;

/// A broker did not do as asked. No text holds a password or a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The address cannot be used as it is. Mend it.
    #[error("the address `{url}` cannot be used: {reason}")]
    Address {
        /// The address, its password hidden.
        url: String,
        /// What is wrong with it and what to write instead.
        reason: String,
    },
    /// Nothing answers there, or the connection broke. Try again later.
    #[error("cannot reach {address}: {reason}")]
    Unavailable {
        /// Where.
        address: String,
        /// What happened.
        reason: String,
        /// What the connection reported.
        #[source]
        source: Option<BoxError>,
    },
    /// There is no encrypted connection: a certificate is not trusted or for another name, or one side does not encrypt.
    #[error("no encrypted connection to {address}: {reason}")]
    Tls {
        /// Where.
        address: String,
        /// What does not fit, and what to do.
        reason: String,
    },
    /// No answer in time. The call may have taken effect; repeating it is safe.
    #[error("{address} did not answer `{call}` within {waited:?}")]
    Timeout {
        /// Where.
        address: String,
        /// Which call.
        call: &'static str,
        /// How long was waited.
        waited: Duration,
    },
    /// The server is at its `maxmemory` and takes nothing new; what workers settle still gets through. Nothing was
    /// changed.
    #[error(
        "{address} is out of memory and refused `{call}`: let workers catch up, or give the server more (`maxmemory`)"
    )]
    OutOfMemory {
        /// Where.
        address: String,
        /// Which call.
        call: &'static str,
    },
    /// The server takes no writes: it is a replica. Nothing was changed.
    #[error(
        "{address} is read-only and refused `{call}`: it is a replica; connect to the primary, or to the sentinels that \
         know it (redis-sentinel://)"
    )]
    ReadOnly {
        /// Where.
        address: String,
        /// Which call.
        call: &'static str,
    },
    /// The queue holds as many waiting messages as the sender allows. Nothing was changed.
    #[error("the queue `{queue}` holds {limit} waiting messages or more and takes no new ones")]
    QueueFull {
        /// Which queue.
        queue: String,
        /// The bound the sender asked for.
        limit: u64,
    },
    /// The bulk is on its queue, but not as safe as asked. Sending it again would enqueue it twice.
    #[error("{address} has the messages, but they are not {wanted}: {reason}; do not send them again")]
    NotDurable {
        /// Where.
        address: String,
        /// The level that was not reached, in words.
        wanted: Durability,
        /// How far it came.
        reason: String,
    },
    /// The server refused: wrong password, no permission, a command it does not have.
    #[error("{address} refused `{call}`: {reason}")]
    Refused {
        /// Where.
        address: String,
        /// Which call.
        call: &'static str,
        /// What the server said.
        reason: String,
    },
    /// A key of LTQ holds something else: another program writes to it. Whatever was refused, no message was lost.
    #[error(
        "{address} refused `{call}`: {reason}; find out which program writes to the keys of LTQ, remove what it has put \
         there, or give LTQ another namespace"
    )]
    WrongType {
        /// Where.
        address: String,
        /// Which call.
        call: &'static str,
        /// What the server said.
        reason: String,
    },
    /// The answer was not what this version expects: another version or another program uses the keys.
    #[error("{address} gave an answer to `{call}` that this version does not understand: {reason}")]
    Protocol {
        /// Where.
        address: String,
        /// Which call.
        call: &'static str,
        /// What was odd.
        reason: String,
    },
    /// It was closed.
    #[error("the connection to {address} was closed by this program")]
    Closed {
        /// Where.
        address: String,
    },
}

impl BrokerError {
    /// Whether the same call may succeed later without anything being changed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Timeout { .. })
    }

    /// Whether trying again cannot help until somebody changes something at the server: the user lacks a permission, or a key
    /// of the queue belongs to something else.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            // What the link says about a permission that is missing. Others pass by themselves, as too many connections.
            Self::Refused { reason, .. } => reason.contains("grant the user"),
            Self::WrongType { .. } => true,
            _ => false,
        }
    }
}
