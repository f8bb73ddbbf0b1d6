//! How messages leave the hands of a worker, and what else happens then; beside `lua/settle` and `lua/effects`.

use super::Queue;
use crate::broker::memory::clock::ceil_ms;
use crate::broker::{Effect, End, Settlement, Turn};

impl Queue {
    /// Applies the settlements of a registered worker: how many were refused, and when the earliest retry is due.
    ///
    /// Where one turn settles a message twice, done comes before retry, return and dead; without effects before with.
    pub(super) fn settle(&mut self, turn: &Turn, now_ms: u64) -> (u64, Option<u64>) {
        let (mut refused, mut earliest, mut returned) = (0, None, Vec::new());
        let mut settlements: Vec<_> = turn.settlements.iter().collect();
        settlements.sort_by_key(|settlement| match settlement.end {
            End::Done => (0, !settlement.effects.is_empty()),
            End::Retry { .. } => (1, false),
            End::Return { .. } => (2, false),
            End::Dead { .. } => (3, false),
        });
        for Settlement { place, end, effects } in settlements {
            let holder = self.workers.get_mut(&turn.worker);
            if holder.and_then(|holder| holder.active.remove(place)).is_none() {
                refused += 1;
                continue;
            }
            effects.iter().for_each(|effect| self.apply(*effect));
            match end {
                End::Done => self.counts.done += 1,
                End::Retry { payload, delay } => {
                    let due_ms = now_ms.saturating_add(ceil_ms(*delay));
                    self.scheduled.insert(due_ms, payload.clone());
                    earliest = earliest.into_iter().chain([due_ms]).min();
                    self.counts.retried += 1;
                }
                End::Return { payload } => {
                    returned.push((*place, payload.clone()));
                    self.counts.returned += 1;
                }
                End::Dead { letter } => {
                    self.dead.insert(letter.clone(), *place, now_ms);
                    self.counts.dead += 1;
                }
            }
        }
        // At the head they are in the order in which they were taken.
        returned.sort_by_key(|(place, _)| *place);
        for (_, payload) in returned.into_iter().rev() {
            self.ready.push_front(payload);
        }
        (refused, earliest)
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Forget(id) => self.notes.forget(id),
        }
    }
}
