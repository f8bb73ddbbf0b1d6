//! [`ProcessRecord`]: what is known of one process that serves a queue, for those who look after it.
//!
//! It is a hint: no message depends on it, and it is written with the renewal of a lease. What never changes is told once,
//! when the broker has no record, so that a renewal stays small. Arguments of tasks are never part of it.

use std::fmt;
use std::sync::Arc;

use crate::message::MessageId;

/// One run of a worker. Its incarnations change when it loses a lease, this stays.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(Arc<str>);

impl ProcessId {
    /// A new one: `process id`-`unique`.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default id would suggest a fixed value")]
    pub fn new() -> Self {
        Self(format!("{}-{}", std::process::id(), MessageId::new()).into())
    }

    /// The process of that name.
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

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a process tells with a renewal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessState {
    /// How many messages of this queue it runs.
    pub busy: u64,
    /// Some of them; at most [`ProcessState::MAX_RUNNING`], what is over is left out.
    pub running: Vec<Running>,
    /// What never changes: told when [`Renewal::describe`](super::Renewal::describe) asks for it, and at first.
    pub description: Option<Arc<Description>>,
}

impl ProcessState {
    /// How many of the messages that run are named.
    pub const MAX_RUNNING: usize = 100;
}

/// A message that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The name of its task.
    pub task: String,
    /// Its id.
    pub id: MessageId,
    /// Since when the worker has it, in milliseconds since the Unix epoch, by the broker's clock. It may have waited for a
    /// slot since, but only where tasks are short.
    pub since_ms: u64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What never changes of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The machine it runs on, as that calls itself.
    pub host: String,
    /// The operating system's number of the process.
    pub pid: u32,
    /// The name of the worker.
    pub worker: String,
    /// The version of LTQ.
    pub version: String,
    /// What is deployed, as the operator calls it.
    pub deployment: Option<String>,
    /// The tasks it has.
    pub tasks: KnownTasks,
}

/// Which tasks a process has: the first 8 bytes of SHA-256 of each name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KnownTasks {
    /// More than [`KnownTasks::MAX`]: every task counts as known.
    Any,
    /// These, sorted.
    These(Vec<[u8; 8]>),
}

impl KnownTasks {
    /// The most tasks that are named.
    pub const MAX: usize = 1_000;

    /// The tasks of these names.
    #[cfg(feature = "worker")]
    #[must_use]
    pub fn of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Self {
        if names.len() > Self::MAX {
            return Self::Any;
        }
        let mut digests: Vec<_> = names.map(digest).collect();
        digests.sort_unstable();
        Self::These(digests)
    }

    /// Whether it may have the task `name`.
    #[cfg(feature = "worker")]
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(digests) => digests.binary_search(&digest(name)).is_ok(),
        }
    }
}

#[cfg(feature = "worker")]
fn digest(name: &str) -> [u8; 8] {
    use sha2::Digest as _;

    let digest = sha2::Sha256::digest(name.as_bytes());
    std::array::from_fn(|index| digest[index])
}

/// What an operator asks of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ask {
    /// Take nothing new.
    Quiet,
    /// Stop, as after a signal.
    Stop,
}

impl Ask {
    /// As it stands in a record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Stop => "stop",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote; nothing for a word of a newer version.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Quiet, Self::Stop].into_iter().find(|ask| ask.as_str() == name)
    }
}

/// What is known of a process on one queue. It ends three leases after the last renewal, or when the worker leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessRecord {
    /// Which process.
    pub process: ProcessId,
    /// What never changes.
    pub description: Arc<Description>,
    /// When the record was first written, in milliseconds since the Unix epoch, by the broker's clock.
    pub started_at_ms: u64,
    /// How many messages of this queue it ran at its last renewal.
    pub busy: u64,
    /// Some of them.
    pub running: Vec<Running>,
    /// What it is asked to do.
    pub ask: Option<Ask>,
}

impl ProcessRecord {
    /// The most records one call reads.
    pub const MAX_READ: usize = 1_000;

    /// A record of what a process told. For brokers.
    pub(super) fn new(process: ProcessId, description: Arc<Description>, started_at_ms: u64) -> Self {
        Self { process, description, started_at_ms, busy: 0, running: Vec::new(), ask: None }
    }
}

#[cfg(all(test, feature = "worker"))]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_known_by_the_first_bytes_of_their_digest() {
        let known = KnownTasks::of(["app::mail", "app::other"].into_iter());
        assert!(known.knows("app::mail") && known.knows("app::other") && !known.knows("app::third"));
        assert_eq!(digest("abc"), [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]);
    }

    #[test]
    fn of_too_many_tasks_each_counts_as_known() {
        let names: Vec<_> = (0..=KnownTasks::MAX).map(|number| number.to_string()).collect();
        assert_eq!(KnownTasks::of(names.iter().map(String::as_str)), KnownTasks::Any);
        let most = KnownTasks::of(names[1..].iter().map(String::as_str));
        assert!(most.knows("7") && !most.knows("app::mail"), "{most:?}");
        assert!(KnownTasks::Any.knows("app::mail"));
    }
}
