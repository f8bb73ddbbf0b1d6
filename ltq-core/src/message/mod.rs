//! Messages: what a user builds and sends, and the envelope that travels.
//!
//! A [`Message`] is made by a task's `message(…)` and is not sent until it is handed to a client. The arguments are
//! encoded when it is made, so that the caller keeps ownership of nothing; an argument that cannot be encoded is
//! reported when the message is sent, the one place that already returns an error.
//!
//! Next: `client/mod.rs` turns it into an [`Envelope`] and hands it to the broker.

mod arguments;
mod carried;
mod codec;
mod dead_letter;
mod durability;
mod envelope;
mod id;
mod queue;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Serialize;

pub use self::arguments::Arguments;
pub use self::carried::{Carried, CarriedError};
pub use self::codec::{DecodeError, EncodeError, WIRE_VERSION, decode_args, encode_args};
pub use self::dead_letter::{DeadLetter, DeadReason};
pub use self::durability::Durability;
pub use self::envelope::Envelope;
pub use self::id::{MessageId, ParseIdError};
pub use self::queue::{InvalidQueueName, MAX_QUEUE_NAME_BYTES, QueueName};

/// When a message becomes ready to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Due {
    /// At once, behind what is already waiting.
    #[default]
    Now,
    /// This long after the broker has taken it, by the broker's clock.
    After(Duration),
    /// At this point of wall-clock time, compared with the broker's clock.
    At(SystemTime),
}

/// A call of a task that is to be queued: built by `task.message(…)`, sent by [`Client::send`](crate::client::Client::send).
///
/// The id is given when the message is built, so it is known before the message is sent.
#[derive(Debug, Clone)]
#[must_use = "a message does nothing until it is sent"]
pub struct Message {
    pub(crate) id: MessageId,
    pub(crate) task: Cow<'static, str>,
    pub(crate) queue: Cow<'static, str>,
    pub(crate) args: Result<Bytes, EncodeError>,
    pub(crate) carried: Carried,
    pub(crate) due: Due,
    pub(crate) max_age: Option<Duration>,
    /// `None` leaves it to the client.
    pub(crate) durability: Option<Durability>,
}

impl Message {
    /// A message for the task called `task`, on the queue `queue`, with `args` as its arguments.
    ///
    /// `args` must serialise as a map from argument name to value: a struct with named fields, or a map with string
    /// keys. This is the untyped way, for programs that do not link the task; `task.message(…)` is the typed one.
    pub fn new<A: Serialize + ?Sized>(
        task: impl Into<Cow<'static, str>>,
        queue: impl Into<Cow<'static, str>>,
        args: &A,
    ) -> Self {
        Self {
            id: MessageId::new(),
            task: task.into(),
            queue: queue.into(),
            args: encode_args(args),
            carried: Carried::default(),
            due: Due::Now,
            max_age: None,
            durability: None,
        }
    }

    /// The id under which this message is logged, stored and found.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// The name of the task that is to run.
    #[must_use]
    pub fn task(&self) -> &str {
        &self.task
    }

    /// The queue it will be put on.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The encoded arguments: a MessagePack map from name to value. They may hold secrets: do not log them unasked.
    ///
    /// # Errors
    ///
    /// An argument could not be encoded; sending the message reports the same.
    pub fn args(&self) -> Result<&Bytes, &EncodeError> {
        self.args.as_ref()
    }

    /// Runs no earlier than this long after it was sent, by the broker's clock.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.due = Due::After(delay);
        self
    }

    /// Runs no earlier than this point of time. A point in the past means at once.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.due = Due::At(time);
        self
    }

    /// Puts the message on another queue than the task's own.
    pub fn on_queue(mut self, queue: impl Into<Cow<'static, str>>) -> Self {
        self.queue = queue.into();
        self
    }

    /// Becomes a dead letter instead of running when it is older than this; counted from when it was built, by the
    /// sender's clock. Overrides the task's `max_age`.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// How safe it must be before its send counts as accepted. Overrides the client's
    /// [`durability`](crate::client::ClientBuilder::durability).
    ///
    /// Messages of one level keep their order on a queue; those of different levels travel apart and may overtake each
    /// other.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// The map that travels with the message and survives retries.
    #[must_use]
    pub fn carried(&self) -> &Carried {
        &self.carried
    }

    /// Puts a value into the map that travels with the message and survives retries.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded.
    pub fn carry<T: Serialize + ?Sized>(mut self, key: impl Into<String>, value: &T) -> Result<Self, CarriedError> {
        self.carried.set(key, value)?;
        Ok(self)
    }
}
