//! [`Envelope`]: a message as it travels and waits.

use super::{Carried, MessageId};

/// One message on its way, borrowed from the bytes it was read from.
///
/// The delivery number is not part of it: the broker counts recoveries beside the message, so that recovering one does
/// not rewrite it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope<'a> {
    /// Identifies the message for its whole life.
    pub id: MessageId,
    /// How many attempts have been charged so far: 0 until the first one fails.
    pub attempts: u32,
    /// How often a worker has put the message back itself, for whatever reason; part of the delivery number.
    pub requeues: u32,
    /// When the message was built, in milliseconds since the Unix epoch, by the sender's clock.
    pub created_at_ms: u64,
    /// The age in milliseconds after which it must not run any more; `None` for the task's own rule.
    pub max_age_ms: Option<u64>,
    /// The name of the task that is to run.
    pub task: &'a str,
    /// The queue the message was sent to.
    pub queue: &'a str,
    /// The map that survives retries.
    pub carried: Carried,
    /// The arguments: a MessagePack map from argument name to value.
    pub args: &'a [u8],
    /// Elements that a newer version added at the end. They are written back as they were read.
    pub(crate) added: Added<'a>,
}

/// Elements of an envelope that this version does not know, as they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Added<'a> {
    /// How many they are.
    pub(super) count: u8,
    /// One MessagePack value after the other.
    pub(super) bytes: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// An envelope for a message that has never run.
    #[must_use]
    pub fn new(id: MessageId, task: &'a str, queue: &'a str, created_at_ms: u64, args: &'a [u8]) -> Self {
        Self {
            id,
            attempts: 0,
            requeues: 0,
            created_at_ms,
            max_age_ms: None,
            task,
            queue,
            carried: Carried::default(),
            args,
            added: Added::default(),
        }
    }
}
