//! [`Letters`]: the dead letters of one queue, found by id and listed by time.

use std::collections::{BTreeMap, HashMap};

use super::clock::ceil_ms;
use crate::broker::{DeadLimits, Place};
use crate::message::{DeadLetter, MessageId};

/// When a letter was stored; among those of the same millisecond the id decides, which has the order of their making.
type Age = (u64, MessageId);
/// How many letters that are too old one trimming drops.
const OLD_MAX: usize = 500;
/// How many letters one trimming drops because there are too many, beside those that were just added.
const OVER_MAX: usize = 500;

/// Dead letters, oldest first.
#[derive(Debug, Default)]
pub(super) struct Letters {
    by_age: BTreeMap<Age, DeadLetter>,
    by_id: HashMap<MessageId, Age>,
}

impl Letters {
    /// Stores a letter under its id, or where another one is there already, under the first half of the id and the place.
    pub(super) fn insert(&mut self, letter: DeadLetter, place: Place, now_ms: u64) {
        let mut id = letter.id;
        if self.by_id.contains_key(&id) {
            let mut bytes = *id.as_bytes();
            bytes[8..].copy_from_slice(&place.to_bytes());
            id = MessageId::from_bytes(bytes);
            self.remove(id);
        }
        self.by_id.insert(id, (now_ms, id));
        self.by_age.insert((now_ms, id), DeadLetter { id, died_at_ms: now_ms, ..letter });
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

    /// Drops the oldest so that the limits hold; says how many. Bounded, so it may take several turns: `added` is how
    /// many the turn may have added.
    pub(super) fn trim(&mut self, limits: DeadLimits, added: usize, now_ms: u64) -> u64 {
        let oldest_kept_ms = now_ms.saturating_sub(ceil_ms(limits.max_age));
        let too_old = self.by_age.keys().take_while(|(died_at_ms, _)| *died_at_ms < oldest_kept_ms);
        let too_old = too_old.take(OLD_MAX).count();
        let max_count = usize::try_from(limits.max_count).unwrap_or(usize::MAX);
        let too_many = (self.len() - too_old).saturating_sub(max_count).min(added + OVER_MAX);
        let ids: Vec<_> = self.by_age.keys().take(too_old + too_many).map(|(_, id)| *id).collect();
        ids.into_iter().map(|id| u64::from(self.remove(id).is_some())).sum()
    }
}
