//! [`Queue`]: one queue as plain data, and what each call of the contract does to it.
//!
//! This is the contract of [`Broker`](crate::broker::Broker) as a program that can be read: no locks, no waiting, time
//! is an argument in milliseconds. The Redis scripts do the same steps in the same order, and `tests/it/model` holds the two
//! together, step by step. A transition that leaves something for an idle worker says so by `wake`.

#[cfg(feature = "testing")]
mod inspect;
mod schedule;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

#[cfg(feature = "testing")]
pub(crate) use self::inspect::Waiting;
use self::schedule::Schedule;
use super::clock::{ceil_ms, unix_ms};
use super::dead::DeadLetters;
use crate::broker::{
    Delivered, Place, ProducerId, Publish, QueueCounts, QueueStats, Recovered, Recovery, Renewal, Settlement, Turn,
    TurnReply, WorkerId, header_id,
};
use crate::message::{Due, MessageId};

/// The most messages one recovery returns.
pub(super) const RECOVER_MAX: usize = 500;
/// The most messages one clearing deletes.
const CLEAR_MAX: usize = 500;
/// The most expired workers one renewal reports.
const EXPIRED_MAX: usize = 10;
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
    /// Only of messages that were ever recovered, until they end.
    recoveries: HashMap<MessageId, u64>,
    pub(super) dead: DeadLetters,
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

/// Why a batch was refused: this many messages wait already.
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
    seen_at_ms: u64,
}

impl Queue {
    /// Puts a batch on the queue, unless it is a repeat. Says whether an idle worker should look.
    pub(super) fn publish(&mut self, batch: &Publish, now_ms: u64) -> Result<bool, Full> {
        if batch.entries.is_empty() {
            return Ok(false);
        }
        if self.producers.get(&batch.producer).is_some_and(|seen| batch.sequence <= seen.sequence) {
            return Ok(false);
        }
        let waiting = count(self.ready.len() + self.scheduled.len());
        if let Some(limit) = batch.max_waiting.filter(|limit| waiting >= *limit) {
            return Err(Full { limit });
        }
        if self.producers.len() >= REMEMBERED {
            self.producers.retain(|_, seen| now_ms.saturating_sub(seen.seen_at_ms) < MEMORY_MS);
        }
        self.producers.insert(batch.producer, Producer { sequence: batch.sequence, seen_at_ms: now_ms });

        let (mut wake, mut earliest) = (false, None);
        for entry in &batch.entries {
            let due_ms = match entry.due {
                Due::Now => now_ms,
                Due::After(delay) => now_ms.saturating_add(ceil_ms(delay)),
                Due::At(time) => unix_ms(time),
            };
            if due_ms <= now_ms {
                self.ready.push_back(entry.payload.clone());
                wake = true;
            } else {
                self.scheduled.insert(due_ms, entry.payload.clone());
                earliest = earliest.into_iter().chain([due_ms]).min();
            }
        }
        Ok(wake || earliest.is_some() && self.scheduled.first_ms() == earliest)
    }

    /// One step of a worker: register, settle, trim, promote, take. Says whether another idle worker should look.
    /// There is no reply to a turn that comes after a later one of the same worker.
    pub(super) fn turn(&mut self, turn: &Turn, now_ms: u64) -> (Option<TurnReply>, bool) {
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
        let dying = turn.settlements.iter().filter(|settlement| matches!(settlement, Settlement::Dead { .. })).count();
        let trimmed = self.dead.trim(turn.dead_limits, dying, now_ms);
        self.counts.trimmed += trimmed;
        let want = turn.want.min(Turn::MAX_WANT);
        self.promote((2 * want).clamp(100, 1_000), now_ms);
        let earlier = earliest_retry.is_some() && self.scheduled.first_ms() == earliest_retry;
        let deliveries = self.take(turn, want);

        if let Some(holder) = self.workers.get_mut(&turn.worker) {
            holder.sequence = turn.sequence;
            holder.refused = refused;
            holder.trimmed = trimmed;
        }
        let reply = TurnReply { refused, trimmed, deliveries, ..self.reply(now_ms) };
        let wake = reply.more || earlier;
        (Some(reply), wake)
    }

    /// Extends a lease, and reports the leases of others that ran out.
    pub(super) fn renew(&mut self, worker: &WorkerId, lease: Duration, now_ms: u64) -> Renewal {
        let held = self.workers.get_mut(worker).is_some_and(|holder| {
            holder.lease_end_ms = now_ms.saturating_add(ceil_ms(lease));
            true
        });
        let others = || self.workers.iter().filter(|(other, _)| *other != worker);
        let mut expired: Vec<_> = others().filter(|(_, holder)| holder.lease_end_ms <= now_ms).collect();
        expired.sort_by_key(|(_, holder)| holder.lease_end_ms);
        let next = others().map(|(_, holder)| holder.lease_end_ms).filter(|end_ms| *end_ms > now_ms).min();
        Renewal {
            held,
            expired: expired.into_iter().map(|(other, _)| other.clone()).take(EXPIRED_MAX).collect(),
            next_expiry: next.map(|end_ms| Duration::from_millis(end_ms - now_ms)),
        }
    }

    /// Returns messages of a worker to the head; the worker is gone when it holds none. Says whether an idle worker
    /// should look.
    ///
    /// What was taken last goes first where there is more than fits into one call, so that in the end the head is as it
    /// was.
    pub(super) fn recover(&mut self, worker: &WorkerId, recovery: Recovery, now_ms: u64) -> (Recovered, bool) {
        let Some(holder) = self.workers.get_mut(worker) else {
            if recovery == Recovery::Leaving {
                self.lost.remove(worker);
            }
            return Default::default();
        };
        if recovery == Recovery::Expired && holder.lease_end_ms > now_ms {
            return Default::default();
        }
        let mut messages = 0;
        while messages < RECOVER_MAX as u64
            && let Some((_, payload)) = holder.active.pop_last()
        {
            // Without an id there is nothing to count under.
            if recovery == Recovery::Expired
                && let Some(id) = header_id(&payload)
            {
                *self.recoveries.entry(id).or_default() += 1;
            }
            self.ready.push_front(payload);
            messages += 1;
        }
        let more = !holder.active.is_empty();
        if !more && let Some(Holder { sequence, refused, .. }) = self.workers.remove(worker) {
            match recovery {
                // Who lost its lease may still repeat its last turn, and has to learn what that did.
                Recovery::Expired => {
                    self.lost.entry(worker.clone()).or_insert(Lost { sequence, refused, seen_at_ms: now_ms });
                }
                Recovery::Leaving => drop(self.lost.remove(worker)),
            }
        }
        match recovery {
            Recovery::Expired => self.counts.recovered += messages,
            Recovery::Leaving => self.counts.returned += messages,
        }
        (Recovered { messages, more }, messages > 0)
    }

    /// Turns a dead letter into a ready message. Says whether it was there.
    pub(super) fn replay(&mut self, id: MessageId, payload: Bytes) -> bool {
        let found = self.dead.remove(id).is_some();
        if found {
            self.ready.push_back(payload);
        }
        found
    }

    /// Deletes up to `limit` waiting messages; says how many.
    pub(super) fn clear(&mut self, limit: usize) -> u64 {
        let limit = limit.min(CLEAR_MAX);
        let ready = limit.min(self.ready.len());
        let mut cleared: Vec<_> = self.ready.drain(..ready).collect();
        while cleared.len() < limit
            && let Some(payload) = self.scheduled.pop_first()
        {
            cleared.push(payload);
        }
        for id in cleared.iter().filter_map(header_id) {
            self.recoveries.remove(&id);
        }
        count(cleared.len())
    }

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

    /// Whether a scheduled message is due.
    pub(super) fn has_due(&self, now_ms: u64) -> bool {
        self.scheduled.first_ms().is_some_and(|due_ms| due_ms <= now_ms)
    }

    /// Applies the settlements of a registered worker: how many were refused, and when the earliest retry is due.
    ///
    /// Where one turn settles a message twice, done comes before retry, return and dead.
    fn settle(&mut self, turn: &Turn, now_ms: u64) -> (u64, Option<u64>) {
        let (mut refused, mut earliest, mut returned) = (0, None, Vec::new());
        let mut settlements: Vec<_> = turn.settlements.iter().collect();
        settlements.sort_by_key(|settlement| match settlement {
            Settlement::Done { .. } => 0,
            Settlement::Retry { .. } => 1,
            Settlement::Return { .. } => 2,
            Settlement::Dead { .. } => 3,
        });
        for settlement in settlements {
            let place = settlement.place();
            let holder = self.workers.get_mut(&turn.worker);
            if holder.and_then(|holder| holder.active.remove(&place)).is_none() {
                refused += 1;
                continue;
            }
            match settlement {
                Settlement::Done { id, recovered, .. } => {
                    if *recovered {
                        self.recoveries.remove(id);
                    }
                    self.counts.done += 1;
                }
                Settlement::Retry { payload, delay, .. } => {
                    let due_ms = now_ms.saturating_add(ceil_ms(*delay));
                    self.scheduled.insert(due_ms, payload.clone());
                    earliest = earliest.into_iter().chain([due_ms]).min();
                    self.counts.retried += 1;
                }
                Settlement::Return { payload, .. } => {
                    returned.push((place, payload.clone()));
                    self.counts.returned += 1;
                }
                Settlement::Dead { letter, .. } => {
                    self.recoveries.remove(&letter.id);
                    self.dead.insert(letter.clone(), place, now_ms);
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
        for (payload, nth) in self.ready.drain(..want.min(self.ready.len())).zip(0..) {
            holder.active.insert(Place { turn: turn.sequence, nth }, payload);
        }
        self.taken_by(turn)
    }

    /// What a turn has taken and the worker still holds.
    fn taken_by(&self, turn: &Turn) -> Vec<Delivered> {
        let Some(holder) = self.workers.get(&turn.worker) else { return Vec::new() };
        let place = |nth| Place { turn: turn.sequence, nth };
        let held = holder.active.range(place(0)..=place(u16::MAX));
        held.map(|(place, payload)| {
            let recoveries = |id| self.recoveries.get(&id).copied().unwrap_or(0);
            Delivered::new(&turn.worker, *place, payload.clone(), recoveries)
        })
        .collect()
    }

    /// The answer to a worker that is not registered. Only the refused results are counted, once.
    fn lost(&mut self, turn: &Turn, now_ms: u64) -> TurnReply {
        if let Some(last) = self.lost.get(&turn.worker).filter(|last| last.sequence == turn.sequence) {
            return TurnReply { lost: true, refused: last.refused, now_ms, ..TurnReply::default() };
        }
        let refused = count(turn.settlements.len());
        self.counts.refused += refused + turn.discarded;
        if self.lost.len() >= REMEMBERED {
            self.lost.retain(|_, last| now_ms.saturating_sub(last.seen_at_ms) < MEMORY_MS);
        }
        self.lost.insert(turn.worker.clone(), Lost { sequence: turn.sequence, refused, seen_at_ms: now_ms });
        TurnReply { lost: true, refused, now_ms, ..TurnReply::default() }
    }

    /// The answer to a turn that was already made: what it took and what is still there of it.
    fn repeated(&self, turn: &Turn, now_ms: u64) -> TurnReply {
        let reply = self.reply(now_ms);
        let Some(last) = self.workers.get(&turn.worker) else { return reply };
        TurnReply { refused: last.refused, trimmed: last.trimmed, deliveries: self.taken_by(turn), ..reply }
    }

    /// What every reply says about the queue.
    fn reply(&self, now_ms: u64) -> TurnReply {
        let next_due_ms = self.scheduled.first_ms().map(|due_ms| due_ms.saturating_sub(now_ms));
        TurnReply {
            now_ms,
            next_due: next_due_ms.map(Duration::from_millis),
            more: !self.ready.is_empty(),
            ..TurnReply::default()
        }
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
