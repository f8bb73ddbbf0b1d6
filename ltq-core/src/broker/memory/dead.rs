//! [`DeadLetters`]: the dead letters of one queue, found by id and listed by time.

use std::collections::{BTreeMap, HashMap};

use super::clock::whole_ms;
use crate::broker::DeadLimits;
use crate::message::{DeadLetter, MessageId};

/// When a letter was stored, and its place among those of the same millisecond.
type Age = (u64, u64);

/// Dead letters, oldest first.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    by_age: BTreeMap<Age, DeadLetter>,
    by_id: HashMap<MessageId, Age>,
    stored: u64,
}

impl DeadLetters {
    /// Stores a letter under its id, in place of one that is there already.
    pub(super) fn insert(&mut self, letter: DeadLetter, now_ms: u64) {
        self.remove(letter.id);
        self.stored += 1;
        let age = (now_ms, self.stored);
        self.by_id.insert(letter.id, age);
        self.by_age.insert(age, DeadLetter { died_at_ms: now_ms, ..letter });
    }

    pub(super) fn get(&self, id: MessageId) -> Option<&DeadLetter> {
        self.by_age.get(self.by_id.get(&id)?)
    }

    /// Takes a letter out.
    pub(super) fn remove(&mut self, id: MessageId) -> Option<DeadLetter> {
        self.by_age.remove(&self.by_id.remove(&id)?)
    }

    /// The latest first.
    pub(super) fn latest(&self) -> impl Iterator<Item = &DeadLetter> {
        self.by_age.values().rev()
    }

    pub(super) fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Drops the oldest until the limits hold; says how many.
    pub(super) fn trim(&mut self, limits: DeadLimits, now_ms: u64) -> u64 {
        let oldest_kept_ms = now_ms.saturating_sub(whole_ms(limits.max_age));
        let max_count = usize::try_from(limits.max_count).unwrap_or(usize::MAX);
        let mut trimmed = 0;
        while let Some((&(died_at_ms, _), letter)) = self.by_age.first_key_value()
            && (died_at_ms < oldest_kept_ms || self.by_age.len() > max_count)
        {
            self.remove(letter.id);
            trimmed += 1;
        }
        trimmed
    }
}
