//! What only tests ask of a queue.

use bytes::Bytes;

use super::Queue;
use crate::broker::header_id;
use crate::message::MessageId;

/// A message that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) payload: Bytes,
    /// When it is due, in milliseconds since the Unix epoch; 0 for one that is ready.
    pub(crate) due_ms: u64,
}

impl Queue {
    /// What is ready, in order, then what is scheduled, by due time.
    pub(in crate::broker::memory) fn waiting(&self) -> impl Iterator<Item = Waiting> {
        let ready = self.ready.iter().map(|payload| Waiting { payload: payload.clone(), due_ms: 0 });
        let scheduled = self.scheduled.iter();
        ready.chain(scheduled.map(|(due_ms, payload)| Waiting { payload: payload.clone(), due_ms: *due_ms }))
    }

    /// When the next scheduled message is due.
    pub(in crate::broker::memory) fn next_due_ms(&self) -> Option<u64> {
        self.scheduled.first_ms()
    }

    /// Puts a message that is ready or due before all others. Says whether it was there.
    pub(in crate::broker::memory) fn bring_forward(&mut self, id: MessageId, now_ms: u64) -> bool {
        let is_it = |payload: &Bytes| header_id(payload) == Some(id);
        let payload = if let Some(index) = self.ready.iter().position(is_it) {
            self.ready.remove(index)
        } else {
            let due = self.scheduled.iter().take_while(|(due_ms, _)| *due_ms <= now_ms);
            let payload = due.map(|(_, payload)| payload).find(|payload| is_it(payload)).cloned();
            payload.filter(|payload| self.scheduled.remove(payload))
        };
        let found = payload.is_some();
        payload.into_iter().for_each(|payload| self.ready.push_front(payload));
        found
    }
}
