//! [`Queue`]: one queue as plain data, and what each call of the contract does to it.
//!
//! This is the contract of [`Broker`](crate::broker::Broker) as a program that can be read: no locks, no waiting, time
//! is an argument in milliseconds. The Redis scripts do the same steps in the same order, and one suite holds the two
//! together. A transition that leaves something for an idle worker says so by `wake`.

#[cfg(feature = "testing")]
mod inspect;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

#[cfg(feature = "testing")]
pub(crate) use self::inspect::Waiting;
use super::clock::{unix_ms, whole_ms};
use super::dead::DeadLetters;
use crate::broker::{
    Delivered, ProducerId, Publish, QueueCounts, QueueStats, Recovered, Recovery, Renewal, Settlement, Turn, TurnReply,
    WorkerId,
};
use crate::message::{Due, MessageId};

/// The most messages one recovery returns.
pub(super) const RECOVER_MAX: usize = 500;
/// The most messages one clearing deletes.
const CLEAR_MAX: usize = 500;
/// The most expired workers one renewal reports.
const EXPIRED_MAX: usize = 100;
/// Producers beyond this number are forgotten when they have been silent for [`PRODUCER_TTL_MS`].
const PRODUCERS_KEPT: usize = 1_000;
const PRODUCER_TTL_MS: u64 = 60 * 60 * 1_000;

/// One queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<Bytes>,
    /// By due time, and in order of arrival where that is equal.
    scheduled: BTreeMap<(u64, u64), Bytes>,
    arrivals: u64,
    workers: BTreeMap<WorkerId, Holder>,
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
    active: BTreeMap<MessageId, Bytes>,
    /// The last turn, so that its repeat can be answered.
    sequence: u64,
    taken: Vec<MessageId>,
    refused: u64,
    trimmed: u64,
    /// Whether turns of it are missing: it has to start anew.
    lost: bool,
}

/// Why a batch was refused: this many messages wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) limit: u64,
}

#[derive(Debug)]
struct Producer {
    sequence: u64,
    seen_at_ms: u64,
}

impl Queue {
    /// Puts a batch on the queue, unless it is a repeat. Says whether an idle worker should look.
    pub(super) fn publish(&mut self, batch: &Publish, now_ms: u64) -> Result<bool, Full> {
        if self.producers.get(&batch.producer).is_some_and(|seen| batch.sequence <= seen.sequence) {
            return Ok(false);
        }
        let waiting = count(self.ready.len() + self.scheduled.len());
        if let Some(limit) = batch.max_waiting.filter(|limit| waiting >= *limit) {
            return Err(Full { limit });
        }
        if self.producers.len() >= PRODUCERS_KEPT {
            self.producers.retain(|_, seen| now_ms.saturating_sub(seen.seen_at_ms) < PRODUCER_TTL_MS);
        }
        self.producers.insert(batch.producer, Producer { sequence: batch.sequence, seen_at_ms: now_ms });

        let mut wake = false;
        for entry in &batch.entries {
            let due_ms = match entry.due {
                Due::Now => now_ms,
                Due::After(delay) => now_ms.saturating_add(whole_ms(delay)),
                Due::At(time) => unix_ms(time),
            };
            wake |= self.enqueue(entry.payload.clone(), due_ms, now_ms);
        }
        Ok(wake)
    }

    /// One step of a worker: register, settle, trim, promote, take. Says whether another idle worker should look.
    pub(super) fn turn(&mut self, turn: &Turn, now_ms: u64) -> (TurnReply, bool) {
        let Some(holder) = self.workers.get_mut(&turn.worker) else {
            if turn.sequence == 1 {
                let holder = Holder {
                    lease_end_ms: 0,
                    active: BTreeMap::new(),
                    sequence: 0,
                    taken: Vec::new(),
                    refused: 0,
                    trimmed: 0,
                    lost: false,
                };
                self.workers.insert(turn.worker.clone(), holder);
                return self.turn(turn, now_ms);
            }
            return (self.lost(turn, now_ms), false);
        };
        if turn.sequence <= holder.sequence {
            return (self.repeated(turn, now_ms), false);
        }
        if holder.lost || turn.sequence > holder.sequence + 1 {
            // A store that has not seen the turn before has lost it, and with it what it settled and took. What the
            // worker holds is free for others at once.
            holder.lost = true;
            holder.lease_end_ms = now_ms;
            holder.sequence = turn.sequence;
            holder.refused = count(turn.settlements.len());
            return (self.lost(turn, now_ms), false);
        }
        holder.lease_end_ms = now_ms.saturating_add(whole_ms(turn.lease));

        let (refused, mut wake) = self.settle(turn, now_ms);
        self.counts.refused += refused + turn.discarded;
        let trimmed = self.dead.trim(turn.dead_limits, now_ms);
        self.counts.trimmed += trimmed;
        self.promote((2 * turn.want).clamp(100, 1_000), now_ms);
        let deliveries = self.take(&turn.worker, turn.want.min(Turn::MAX_WANT));

        if let Some(holder) = self.workers.get_mut(&turn.worker) {
            holder.sequence = turn.sequence;
            holder.taken = deliveries.iter().map(|delivered| delivered.id).collect();
            holder.refused = refused;
            holder.trimmed = trimmed;
        }
        wake |= !self.ready.is_empty();
        (TurnReply { refused, trimmed, deliveries, ..self.reply(now_ms) }, wake)
    }

    /// Extends a lease, and reports the leases of others that ran out.
    pub(super) fn renew(&mut self, worker: &WorkerId, lease: Duration, now_ms: u64) -> Renewal {
        let held = self.workers.get_mut(worker).is_some_and(|holder| {
            holder.lease_end_ms = now_ms.saturating_add(whole_ms(lease));
            true
        });
        let others = || self.workers.iter().filter(|(other, _)| *other != worker);
        let expired = others().filter(|(_, holder)| holder.lease_end_ms <= now_ms);
        let next = others().map(|(_, holder)| holder.lease_end_ms).filter(|end_ms| *end_ms > now_ms).min();
        Renewal {
            held,
            expired: expired.map(|(other, _)| other.clone()).take(EXPIRED_MAX).collect(),
            next_expiry: next.map(|end_ms| Duration::from_millis(end_ms - now_ms)),
        }
    }

    /// Returns messages of a worker to the head; the worker is gone when it holds none. Says whether an idle worker
    /// should look.
    ///
    /// The latest go first where there are more than fit into one call, so that the head is oldest first in the end.
    pub(super) fn recover(&mut self, worker: &WorkerId, recovery: Recovery, now_ms: u64) -> (Recovered, bool) {
        let Some(holder) = self.workers.get_mut(worker) else { return Default::default() };
        if recovery == Recovery::Expired && holder.lease_end_ms > now_ms {
            return Default::default();
        }
        let mut messages = 0;
        while messages < RECOVER_MAX as u64
            && let Some((id, payload)) = holder.active.pop_last()
        {
            // A made-up id names only this delivery; there is nothing to count under it.
            if recovery == Recovery::Expired && header_id(&payload) == Some(id) {
                *self.recoveries.entry(id).or_default() += 1;
            }
            self.ready.push_front(payload);
            messages += 1;
        }
        let more = !holder.active.is_empty();
        if !more {
            self.workers.remove(worker);
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
            && let Some((_, payload)) = self.scheduled.pop_first()
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
        self.scheduled.first_key_value().is_some_and(|((due_ms, _), _)| *due_ms <= now_ms)
    }

    /// Puts a message where it is to wait. Says whether it is ready, or the earliest of the scheduled.
    fn enqueue(&mut self, payload: Bytes, due_ms: u64, now_ms: u64) -> bool {
        if due_ms <= now_ms {
            self.ready.push_back(payload);
            return true;
        }
        let earliest = self.scheduled.first_key_value().is_none_or(|((first_ms, _), _)| due_ms < *first_ms);
        self.arrivals += 1;
        self.scheduled.insert((due_ms, self.arrivals), payload);
        earliest
    }

    /// Applies the settlements of a registered worker: how many were refused, and whether one of the others scheduled
    /// the earliest message.
    fn settle(&mut self, turn: &Turn, now_ms: u64) -> (u64, bool) {
        let (mut refused, mut wake, mut returned) = (0, false, Vec::new());
        for settlement in &turn.settlements {
            let id = settlement.id();
            if self.workers.get_mut(&turn.worker).and_then(|holder| holder.active.remove(&id)).is_none() {
                refused += 1;
                continue;
            }
            match settlement {
                Settlement::Done { .. } => {
                    self.recoveries.remove(&id);
                    self.counts.done += 1;
                }
                Settlement::Retry { payload, delay, .. } => {
                    wake |= self.enqueue(payload.clone(), now_ms.saturating_add(whole_ms(*delay)), now_ms);
                    self.counts.retried += 1;
                }
                Settlement::Return { payload, .. } => {
                    returned.push(payload.clone());
                    self.counts.returned += 1;
                }
                Settlement::Dead(letter) => {
                    self.recoveries.remove(&id);
                    self.dead.insert(letter.clone(), now_ms);
                    self.counts.dead += 1;
                }
            }
        }
        // The first returned is the first at the head.
        for payload in returned.into_iter().rev() {
            self.ready.push_front(payload);
        }
        (refused, wake)
    }

    /// Moves messages that are due behind the ready ones, at most `limit` of them.
    fn promote(&mut self, limit: usize, now_ms: u64) {
        for _ in 0..limit {
            if !self.has_due(now_ms) {
                break;
            }
            self.ready.extend(self.scheduled.pop_first().map(|(_, payload)| payload));
        }
    }

    /// Moves up to `want` ready messages into the hands of a worker.
    fn take(&mut self, worker: &WorkerId, want: usize) -> Vec<Delivered> {
        let Some(holder) = self.workers.get_mut(worker) else { return Vec::new() };
        let taken = self.ready.drain(..want.min(self.ready.len()));
        taken
            .map(|payload| {
                // A second message of the same id must not push the first one out of this worker's hands.
                let id =
                    header_id(&payload).filter(|id| !holder.active.contains_key(id)).unwrap_or_else(MessageId::new);
                holder.active.insert(id, payload.clone());
                Delivered { id, payload, recoveries: self.recoveries.get(&id).copied().unwrap_or(0) }
            })
            .collect()
    }

    /// The answer to a worker that is not registered. Only the refused results are counted.
    fn lost(&mut self, turn: &Turn, now_ms: u64) -> TurnReply {
        let refused = count(turn.settlements.len());
        self.counts.refused += refused + turn.discarded;
        TurnReply { lost: true, refused, ..self.reply(now_ms) }
    }

    /// The answer to a turn that was already made: what it took and what is still there of it.
    fn repeated(&self, turn: &Turn, now_ms: u64) -> TurnReply {
        let reply = self.reply(now_ms);
        let Some(last) = self.workers.get(&turn.worker).filter(|last| last.sequence == turn.sequence) else {
            return reply;
        };
        if last.lost {
            return TurnReply { lost: true, refused: last.refused, ..reply };
        }
        let deliveries = last.taken.iter().filter_map(|id| {
            let payload = last.active.get(id)?.clone();
            Some(Delivered { id: *id, payload, recoveries: self.recoveries.get(id).copied().unwrap_or(0) })
        });
        TurnReply { refused: last.refused, trimmed: last.trimmed, deliveries: deliveries.collect(), ..reply }
    }

    /// What every reply says about the queue.
    fn reply(&self, now_ms: u64) -> TurnReply {
        let next_due_ms = self.scheduled.first_key_value().map(|((due_ms, _), _)| due_ms.saturating_sub(now_ms));
        TurnReply {
            now_ms,
            next_due: next_due_ms.map(Duration::from_millis),
            more: !self.ready.is_empty(),
            ..TurnReply::default()
        }
    }
}

/// The id of an envelope, cut out without decoding it; `None` where the bytes are no envelope.
///
/// The same check as in the Redis scripts: an array, a version, and the marker of a 16-byte binary.
pub(super) fn header_id(payload: &Bytes) -> Option<MessageId> {
    match payload.first_chunk::<20>()? {
        [0x90..=0x9f, 1..=127, 0xc4, 16, id @ ..] => Some(MessageId::from_bytes(*id)),
        _ => None,
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
