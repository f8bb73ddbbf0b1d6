//! [`Schedule`]: the messages of a queue that wait for their time.
//!
//! Messages are told apart by their bytes, as a sorted set does: the same bytes scheduled again move to the later call's
//! time. Of messages due at the same time the order is that of their bytes, which for envelopes is that of their ids.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;

/// Messages by due time.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    by_time: BTreeSet<(u64, Bytes)>,
    times: HashMap<Bytes, u64>,
}

impl Schedule {
    /// Schedules a message, or moves it.
    pub(super) fn insert(&mut self, due_ms: u64, payload: Bytes) {
        if let Some(before_ms) = self.times.insert(payload.clone(), due_ms) {
            self.by_time.remove(&(before_ms, payload.clone()));
        }
        self.by_time.insert((due_ms, payload));
    }

    /// Takes the earliest out.
    pub(super) fn pop_first(&mut self) -> Option<Bytes> {
        let (_, payload) = self.by_time.pop_first()?;
        self.times.remove(&payload);
        Some(payload)
    }

    /// When the earliest is due.
    pub(super) fn first_ms(&self) -> Option<u64> {
        self.by_time.first().map(|(due_ms, _)| *due_ms)
    }

    /// Takes one out.
    #[cfg(feature = "testing")]
    pub(super) fn remove(&mut self, payload: &Bytes) -> bool {
        let due_ms = self.times.remove(payload);
        due_ms.is_some_and(|due_ms| self.by_time.remove(&(due_ms, payload.clone())))
    }

    /// Due times and messages, the earliest first.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn iter(&self) -> impl Iterator<Item = &(u64, Bytes)> {
        self.by_time.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.by_time.len()
    }
}
