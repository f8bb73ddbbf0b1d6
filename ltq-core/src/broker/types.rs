//! What goes into a broker and what comes out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Ask, Delivered, Place, ProcessId};
use crate::message::{DeadLetter, Due, Durability, MessageId, QueueName};

/// One client's life; repeats are recognised per producer and queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProducerId(MessageId);

impl ProducerId {
    /// A new one.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default id would suggest a fixed value")]
    pub fn new() -> Self {
        Self(MessageId::new())
    }
}

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One incarnation of a worker on one queue. A worker that lost its lease comes back under a new one of the same process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(Arc<str>);

impl WorkerId {
    /// The first incarnation of a new process.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default id would suggest a fixed value")]
    pub fn new() -> Self {
        Self::of(&ProcessId::new(), 0)
    }

    /// An incarnation of `process`, by its number on the queue: `process`.`number`.
    #[must_use]
    pub fn of(process: &ProcessId, number: u64) -> Self {
        Self(format!("{process}.{number}").into())
    }

    /// The process it is an incarnation of.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        ProcessId::from_name(self.0.rsplit_once('.').map_or(&*self.0, |(process, _)| process))
    }

    /// The incarnation of that name, as [`Renewal::expired`] reports it.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A bulk for one queue.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Where to.
    pub queue: QueueName,
    /// Who sends.
    pub producer: ProducerId,
    /// The number of this bulk among those of this producer to this queue, from 1.
    pub sequence: u64,
    /// The messages, in the order in which they are to run; at most [`Publish::MAX_ENTRIES`].
    pub entries: Vec<Entry>,
    /// How safe the bulk must be before the call succeeds.
    pub durability: Durability,
    /// The bulk is refused while so many messages or more wait on the queue, ready and scheduled.
    pub max_waiting: Option<u64>,
    /// Whether the reply is to say what became of each entry. Plain messages are always new, and nobody asks.
    pub answered: bool,
}

impl Publish {
    /// A bulk that counts as accepted once the primary has it, on a queue without a bound.
    #[must_use]
    pub fn new(queue: QueueName, producer: ProducerId, sequence: u64, entries: Vec<Entry>) -> Self {
        Self { queue, producer, sequence, entries, durability: Durability::Primary, max_waiting: None, answered: false }
    }

    /// The most entries one bulk may have.
    pub const MAX_ENTRIES: usize = 1_000;
}

/// One message of a bulk.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The encoded envelope.
    pub payload: Bytes,
    /// When it becomes ready.
    pub due: Due,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({} bytes, {:?})", self.payload.len(), self.due)
    }
}

/// What a publish brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// What became of each entry, where [`Publish::answered`] asked; a repeat gets the same answers.
    pub answers: Vec<Answer>,
}

/// What became of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It is a new message.
    New,
}

/// What a worker tells and asks in one step.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Which queue.
    pub queue: QueueName,
    /// Which incarnation.
    pub worker: WorkerId,
    /// The number of this turn among those of this incarnation, from 1.
    pub sequence: u64,
    /// How long the lease runs from now.
    pub lease: Duration,
    /// How its messages ended; at most [`Turn::MAX_SETTLEMENTS`].
    pub settlements: Vec<Settlement>,
    /// How many messages to take; at most [`Turn::MAX_WANT`].
    pub want: usize,
    /// What the last reply said of it ([`TurnReply::backlog`]): a hint, for how to take the messages.
    pub backlog: bool,
    /// What the last reply said of it ([`TurnReply::full`]): a hint, for which script to use.
    pub full: bool,
    /// How many late results of former incarnations the worker has thrown away since its last turn; counted only.
    pub discarded: u64,
    /// The bounds of the dead letters.
    pub dead_limits: DeadLimits,
}

impl Turn {
    /// The most settlements one turn may carry.
    pub const MAX_SETTLEMENTS: usize = 1_000;
    /// The most messages one turn may take.
    pub const MAX_WANT: usize = 1_000;
}

/// How long and how many dead letters are kept per queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLimits {
    /// The most dead letters; the oldest go first. Default 10,000.
    pub max_count: u64,
    /// The greatest age. Default 30 days.
    pub max_age: Duration,
}

impl Default for DeadLimits {
    fn default() -> Self {
        Self { max_count: 10_000, max_age: Duration::from_secs(30 * 24 * 60 * 60) }
    }
}

impl DeadLimits {
    /// Keeps at most `max_count` dead letters, none older than `max_age`.
    #[must_use]
    pub fn new(max_count: u64, max_age: Duration) -> Self {
        Self { max_count, max_age }
    }
}

/// How one message leaves the hands of a worker. [`Delivered`] makes these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Where the worker holds it.
    pub place: Place,
    /// What becomes of the message.
    pub end: End,
    /// What else happens, in the same step and under the same fence.
    pub effects: Vec<Effect>,
}

impl Settlement {
    /// The message at `place` ends so, and nothing else happens.
    #[must_use]
    pub fn new(place: Place, end: End) -> Self {
        Self { place, end, effects: Vec::new() }
    }

    /// Adds an effect.
    #[must_use]
    pub fn with(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

/// What becomes of a message that leaves the hands of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Done: removed.
    Done,
    /// Scheduled again.
    Retry {
        /// The envelope as it is to wait.
        payload: Bytes,
        /// How long until it is ready.
        delay: Duration,
    },
    /// Back to the head of the queue, unfinished and uncharged.
    Return {
        /// The envelope as it is to wait.
        payload: Bytes,
    },
    /// Ended without success.
    Dead {
        /// What is kept of it. Where a letter of its id is kept already, it gets an id of its first half and the place.
        letter: DeadLetter,
    },
}

/// What else happens when a message leaves the hands of a worker. Each is one small part of the scripts and one function of
/// the broker in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// The note of how often the message of this id was recovered is forgotten.
    Forget(MessageId),
}

/// What a turn brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TurnReply {
    /// The worker is not registered any more: whatever it held belongs to others, all its settlements were refused.
    pub lost: bool,
    /// How many settlements were refused because the message was no longer this worker's.
    pub refused: u64,
    /// The messages taken, the next to run first.
    pub taken: Vec<Delivered>,
    /// The broker's clock, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// How long until the next scheduled message is due, if there is one.
    pub next_due: Option<Duration>,
    /// Whether ready messages are left.
    pub more: bool,
    /// Whether messages are left that the next turn may take all together.
    pub backlog: bool,
    /// Whether something on the queue concerns more than plain messages, so that the next turn needs the full script.
    pub full: bool,
    /// How many dead letters were trimmed to stay within the limits.
    pub trimmed: u64,
}

/// What a renewal brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Whether the worker is still registered. If not, its messages belong to others.
    pub held: bool,
    /// Workers on this queue whose lease ran out; a bounded number.
    pub expired: Vec<WorkerId>,
    /// How long until the next other worker's lease runs out, if there is one.
    pub next_expiry: Option<Duration>,
    /// Whether there is no record of the process, so that the next renewal is to describe it.
    pub describe: bool,
    /// What the process is asked to do.
    pub ask: Option<Ask>,
}

/// Whose messages to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Those of a worker whose lease ran out; nothing happens if it did not. Each message's recovery count grows.
    Expired,
    /// One's own, when leaving; the counts stay.
    Leaving,
}

/// What a recovery did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// How many messages are back.
    pub messages: u64,
    /// Whether the worker still holds some: call again.
    pub more: bool,
}
