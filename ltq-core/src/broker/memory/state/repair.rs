//! What somebody who repairs a queue does to it; beside `lua/replay.lua` and `lua/clear.lua`.

use bytes::Bytes;

use super::{Queue, count};
use crate::broker::header_id;
use crate::message::MessageId;

/// The most messages one clearing deletes.
const CLEAR_MAX: usize = 500;

impl Queue {
    /// Turns a dead letter into a ready message. Says whether it was there.
    pub(in crate::broker::memory) fn replay(&mut self, id: MessageId, payload: Bytes) -> bool {
        let found = self.dead.remove(id).is_some();
        if found {
            self.ready.push_back(payload);
        }
        found
    }

    /// Deletes up to `limit` waiting messages; says how many.
    pub(in crate::broker::memory) fn clear(&mut self, limit: usize) -> u64 {
        let limit = limit.min(CLEAR_MAX);
        let ready = limit.min(self.ready.len());
        let mut cleared: Vec<_> = self.ready.drain(..ready).collect();
        while cleared.len() < limit
            && let Some(payload) = self.scheduled.pop_first()
        {
            cleared.push(payload);
        }
        for id in cleared.iter().filter_map(header_id) {
            self.notes.forget(id);
        }
        count(cleared.len())
    }
}
