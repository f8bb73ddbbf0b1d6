//! [`Enqueued`]: a message that waits, as a test looks at it.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::value::Value;
use crate::broker::memory::Waiting;
use crate::message::{Arguments, Carried, CarriedError, DecodeError, Envelope, MessageId, QueueName};

/// A message that waits on a [`TestQueue`](super::TestQueue).
///
/// Printed, it shows its arguments: this is a test.
#[derive(Clone)]
pub struct Enqueued {
    id: MessageId,
    task: String,
    queue: String,
    attempts: u32,
    due_in: Duration,
    carried: Carried,
    args: Arguments,
}

impl Enqueued {
    /// Reads a message; `None` where the bytes are none.
    pub(super) fn read(queue: &QueueName, waiting: &Waiting, now_ms: u64) -> Option<Self> {
        let envelope = Envelope::decode(&waiting.payload).ok()?;
        Some(Self {
            id: envelope.id,
            task: envelope.task.to_owned(),
            queue: queue.to_string(),
            attempts: envelope.attempts,
            due_in: Duration::from_millis(waiting.due_ms.saturating_sub(now_ms)),
            args: Arguments::new(waiting.payload.slice_ref(envelope.args)),
            carried: envelope.carried,
        })
    }

    /// The message's id.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// The name of the task that is to run.
    #[must_use]
    pub fn task(&self) -> &str {
        &self.task
    }

    /// The queue it waits on.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// How many attempts have been charged so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long until it is due, by the queue's clock; zero for one that is ready.
    #[must_use]
    pub fn due_in(&self) -> Duration {
        self.due_in
    }

    /// A value of the map that travels with the message.
    ///
    /// # Errors
    ///
    /// The value is not of type `T`.
    pub fn carried<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CarriedError> {
        self.carried.get(key)
    }

    /// The arguments: a struct with fields of their names, or a map.
    ///
    /// # Errors
    ///
    /// They are not of this type.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.args.read()
    }

    /// One argument; `None` where the message has none of that name.
    ///
    /// # Errors
    ///
    /// It is not of this type.
    pub fn arg<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, DecodeError> {
        self.args.get(name)
    }

    /// All arguments, by name.
    pub(super) fn values(&self) -> Vec<(String, Value)> {
        let Ok(Value::Map(pairs)) = Value::read(self.args.as_bytes()) else { return Vec::new() };
        let named = |(name, value)| match name {
            Value::Text(name) => (name, value),
            other => (format!("{other:?}"), value),
        };
        pairs.into_iter().map(named).collect()
    }
}

impl fmt::Display for Enqueued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.task)?;
        for (index, (name, value)) in self.values().iter().enumerate() {
            write!(f, "{}{name} = {value:?}", if index == 0 { "" } else { ", " })?;
        }
        write!(f, ") on `{}`", self.queue)?;
        if self.attempts > 0 {
            write!(f, ", after {} attempts", self.attempts)?;
        }
        if self.due_in.is_zero() { Ok(()) } else { write!(f, ", due in {:?}", self.due_in) }
    }
}

impl fmt::Debug for Enqueued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
