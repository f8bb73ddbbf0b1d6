//! Leases, and what becomes of the messages of those who lost theirs; beside `lua/renew.lua` and `lua/recover.lua`.

use std::time::Duration;

use super::{Holder, Lost, Queue};
use crate::broker::memory::clock::ceil_ms;
use crate::broker::{ProcessState, Recovered, Recovery, Renewal, WorkerId, header_id};

/// The most messages one recovery returns.
pub(in crate::broker::memory) const RECOVER_MAX: usize = 500;
/// The most expired workers one renewal reports.
const EXPIRED_MAX: usize = 10;

impl Queue {
    /// Extends a lease, reports the leases of others that ran out, and keeps what the worker tells of its process.
    pub(in crate::broker::memory) fn renew(
        &mut self,
        worker: &WorkerId,
        lease: Duration,
        process: Option<&ProcessState>,
        now_ms: u64,
    ) -> Renewal {
        let held = self.workers.get_mut(worker).is_some_and(|holder| {
            holder.lease_end_ms = now_ms.saturating_add(ceil_ms(lease));
            true
        });
        let (describe, ask) = match process {
            Some(state) if held => self.processes.write(&worker.process(), state, lease, now_ms),
            _ => (false, None),
        };
        let others = || self.workers.iter().filter(|(other, _)| *other != worker);
        let mut expired: Vec<_> = others().filter(|(_, holder)| holder.lease_end_ms <= now_ms).collect();
        expired.sort_by_key(|(_, holder)| holder.lease_end_ms);
        let next = others().map(|(_, holder)| holder.lease_end_ms).filter(|end_ms| *end_ms > now_ms).min();
        Renewal {
            held,
            expired: expired.into_iter().map(|(other, _)| other.clone()).take(EXPIRED_MAX).collect(),
            next_expiry: next.map(|end_ms| Duration::from_millis(end_ms - now_ms)),
            describe,
            ask,
        }
    }

    /// Returns messages of a worker to the head; the worker is gone when it holds none. Says whether an idle worker
    /// should look.
    ///
    /// What was taken last goes first where there is more than fits into one call, so that in the end the head is as it
    /// was.
    pub(in crate::broker::memory) fn recover(
        &mut self,
        worker: &WorkerId,
        recovery: Recovery,
        now_ms: u64,
    ) -> (Recovered, bool) {
        let Some(holder) = self.workers.get_mut(worker) else {
            if recovery == Recovery::Leaving {
                self.lost.remove(worker);
                self.processes.remove(&worker.process());
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
                self.notes.recovered(id);
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
                Recovery::Leaving => {
                    self.lost.remove(worker);
                    self.processes.remove(&worker.process());
                }
            }
        }
        match recovery {
            Recovery::Expired => self.counts.recovered += messages,
            Recovery::Leaving => self.counts.returned += messages,
        }
        (Recovered { messages, more }, messages > 0)
    }
}
