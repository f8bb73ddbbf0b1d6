//! [`Queue`]: one queue as plain data, and what each call of the contract does to it.
//!
//! This is the contract of [`Broker`](crate::broker::Broker) as a program that can be read: no locks, no waiting, time
//! is an argument in milliseconds. Its files stand beside the parts of the Redis scripts, which do the same steps in the same order, and `tests/it/model` holds the two
//! together, step by step. A transition that leaves something for an idle worker says so by `wake`.

#[cfg(feature = "testing")]
mod inspect;
mod leases;
mod notes;
mod processes;
mod publish;
mod repair;
mod schedule;
mod settle;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

#[cfg(feature = "testing")]
pub(crate) use self::inspect::Waiting;
#[cfg(feature = "testing")]
pub(super) use self::notes::Flag;
use self::notes::Notes;
use self::processes::Processes;
use self::schedule::Schedule;
use super::dead::Letters;
use crate::broker::{Answer, Place, ProducerId, QueueCounts, QueueStats, WorkerId};

/// Producers and lost workers beyond this number are forgotten when they have been silent for [`MEMORY_MS`].
const REMEMBERED: usize = 1_000;
const MEMORY_MS: u64 = 60 * 60 * 1_000;

/// One queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<Bytes>,
    scheduled: Schedule,
    workers: BTreeMap<WorkerId, Holder>,
    /// The last turns of workers that were told that they are lost, so that a repeat is not counted again.
    lost: HashMap<WorkerId, Lost>,
    producers: HashMap<ProducerId, Producer>,
    notes: Notes,
    processes: Processes,
    pub(super) dead: Letters,
    counts: QueueCounts,
}

/// One registered worker and what it holds.
#[derive(Debug)]
struct Holder {
    lease_end_ms: u64,
    active: BTreeMap<Place, Bytes>,
    /// The last turn, so that its repeat can be answered.
    sequence: u64,
    refused: u64,
    trimmed: u64,
}

/// Why a bulk was refused: this many messages wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) limit: u64,
}

/// The last turn of a worker that is not registered any more, or that has to start anew because turns of it are missing.
#[derive(Debug)]
struct Lost {
    sequence: u64,
    refused: u64,
    seen_at_ms: u64,
}

#[derive(Debug)]
struct Producer {
    sequence: u64,
    answers: Vec<Answer>,
    seen_at_ms: u64,
}

impl Queue {
    /// The numbers.
    pub(super) fn stats(&self) -> QueueStats {
        QueueStats {
            ready: count(self.ready.len()),
            scheduled: count(self.scheduled.len()),
            active: self.workers.values().map(|holder| count(holder.active.len())).sum(),
            dead: count(self.dead.len()),
            workers: count(self.workers.len()),
            counts: self.counts,
        }
    }

    /// Raises or lowers a flag.
    #[cfg(feature = "testing")]
    pub(super) fn flag(&mut self, flag: Flag, raised: bool) {
        self.notes.set(flag, raised);
    }

    /// Whether a scheduled message is due.
    pub(super) fn has_due(&self, now_ms: u64) -> bool {
        self.scheduled.first_ms().is_some_and(|due_ms| due_ms <= now_ms)
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
