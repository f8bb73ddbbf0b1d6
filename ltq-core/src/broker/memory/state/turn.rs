//! One turn of a worker, from its registration to what it takes; beside `lua/turn`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Holder, Lost, MEMORY_MS, Queue, REMEMBERED, count};
use crate::broker::memory::clock::ceil_ms;
use crate::broker::{Delivered, End, Place, Turn, TurnReply};

impl Queue {
    /// One step of a worker: register, settle, trim, promote, take. Says whether another idle worker should look.
    /// There is no reply to a turn that comes after a later one of the same worker.
    pub(in crate::broker::memory) fn turn(&mut self, turn: &Turn, now_ms: u64) -> (Option<TurnReply>, bool) {
        let Some(holder) = self.workers.get_mut(&turn.worker) else {
            let last = self.lost.get(&turn.worker);
            if last.is_some_and(|last| turn.sequence < last.sequence) {
                return (None, false);
            }
            if turn.sequence == 1 && last.is_none() {
                let holder = Holder { lease_end_ms: 0, active: BTreeMap::new(), sequence: 0, refused: 0, trimmed: 0 };
                self.workers.insert(turn.worker.clone(), holder);
                return self.turn(turn, now_ms);
            }
            return (Some(self.lost(turn, now_ms)), false);
        };
        let lost = self.lost.contains_key(&turn.worker);
        match turn.sequence.cmp(&holder.sequence) {
            Ordering::Less => return (None, false),
            Ordering::Equal if lost => return (Some(self.lost(turn, now_ms)), false),
            Ordering::Equal => return (Some(self.repeated(turn, now_ms)), false),
            Ordering::Greater => {}
        }
        if lost || turn.sequence > holder.sequence + 1 {
            // A store that has not seen the turn before has lost it, and with it what it settled and took. What the
            // worker holds is free for others at once.
            holder.lease_end_ms = now_ms;
            holder.sequence = turn.sequence;
            return (Some(self.lost(turn, now_ms)), false);
        }
        holder.lease_end_ms = now_ms.saturating_add(ceil_ms(turn.lease));

        let (refused, earliest_retry) = self.settle(turn, now_ms);
        self.counts.refused += refused + turn.discarded;
        let dying = turn.settlements.iter().filter(|settlement| matches!(settlement.end, End::Dead { .. })).count();
        let trimmed = self.dead.trim(turn.dead_limits, dying, now_ms);
        self.counts.trimmed += trimmed;
        let want = turn.want.min(Turn::MAX_WANT);
        self.promote((2 * want).clamp(100, 1_000), now_ms);
        let earlier = earliest_retry.is_some() && self.scheduled.first_ms() == earliest_retry;
        let taken = self.take(turn, want);

        if let Some(holder) = self.workers.get_mut(&turn.worker) {
            holder.sequence = turn.sequence;
            holder.refused = refused;
            holder.trimmed = trimmed;
        }
        let reply = TurnReply { refused, trimmed, taken, ..self.reply(now_ms) };
        let wake = reply.more || earlier;
        (Some(reply), wake)
    }

    /// Moves messages that are due behind the ready ones, at most `limit` of them.
    fn promote(&mut self, limit: usize, now_ms: u64) {
        for _ in 0..limit {
            if !self.has_due(now_ms) {
                break;
            }
            self.ready.extend(self.scheduled.pop_first());
        }
    }

    /// Moves up to `want` ready messages into the hands of a worker.
    fn take(&mut self, turn: &Turn, want: usize) -> Vec<Delivered> {
        let Some(holder) = self.workers.get_mut(&turn.worker) else { return Vec::new() };
        for (payload, index) in self.ready.drain(..want.min(self.ready.len())).zip(0..) {
            holder.active.insert(Place { turn: turn.sequence, index }, payload);
        }
        self.taken_by(turn)
    }

    /// What a turn has taken and the worker still holds.
    fn taken_by(&self, turn: &Turn) -> Vec<Delivered> {
        let Some(holder) = self.workers.get(&turn.worker) else { return Vec::new() };
        let place = |index| Place { turn: turn.sequence, index };
        let held = holder.active.range(place(0)..=place(u16::MAX));
        held.map(|(place, payload)| {
            let recoveries = |id| self.notes.recoveries(id);
            Delivered::new(&turn.worker, *place, payload.clone(), recoveries)
        })
        .collect()
    }

    /// The answer to a worker that is not registered. Only the refused results are counted, once.
    fn lost(&mut self, turn: &Turn, now_ms: u64) -> TurnReply {
        if let Some(last) = self.lost.get(&turn.worker).filter(|last| last.sequence == turn.sequence) {
            return TurnReply {
                lost: true,
                refused: last.refused,
                now_ms,
                full: self.notes.is_flagged(),
                ..TurnReply::default()
            };
        }
        let refused = count(turn.settlements.len());
        self.counts.refused += refused + turn.discarded;
        if self.lost.len() >= REMEMBERED {
            self.lost.retain(|_, last| now_ms.saturating_sub(last.seen_at_ms) < MEMORY_MS);
        }
        self.lost.insert(turn.worker.clone(), Lost { sequence: turn.sequence, refused, seen_at_ms: now_ms });
        TurnReply { lost: true, refused, now_ms, full: self.notes.is_flagged(), ..TurnReply::default() }
    }

    /// The answer to a turn that was already made: what it took and what is still there of it.
    fn repeated(&self, turn: &Turn, now_ms: u64) -> TurnReply {
        let reply = self.reply(now_ms);
        let Some(last) = self.workers.get(&turn.worker) else { return reply };
        TurnReply { refused: last.refused, trimmed: last.trimmed, taken: self.taken_by(turn), ..reply }
    }

    /// What every reply says about the queue.
    fn reply(&self, now_ms: u64) -> TurnReply {
        let next_due_ms = self.scheduled.first_ms().map(|due_ms| due_ms.saturating_sub(now_ms));
        TurnReply {
            now_ms,
            next_due: next_due_ms.map(Duration::from_millis),
            more: !self.ready.is_empty(),
            full: self.notes.is_flagged(),
            ..TurnReply::default()
        }
    }
}
