//! [`Notes`]: the few facts about plain messages that are known by id, and flags that call for the full scripts; beside
//! `lua/turn/flags.lua`.

use std::collections::{BTreeSet, HashMap};

use crate::message::MessageId;

/// Something on the queue that concerns more than plain messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flag {
    /// There are messages that are known by id.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "only tests raise it: nothing is tracked yet"))]
    Tracked,
}

/// Notes of one queue.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Only of messages that were ever recovered, until they end.
    recoveries: HashMap<MessageId, u64>,
    flags: BTreeSet<Flag>,
}

impl Notes {
    /// How often the message was recovered.
    pub(super) fn recoveries(&self, id: MessageId) -> u64 {
        self.recoveries.get(&id).copied().unwrap_or(0)
    }

    /// The message was recovered once more.
    pub(super) fn recovered(&mut self, id: MessageId) {
        *self.recoveries.entry(id).or_default() += 1;
    }

    /// The message has ended.
    pub(super) fn forget(&mut self, id: MessageId) {
        self.recoveries.remove(&id);
    }

    /// Whether turns need the full script.
    pub(super) fn is_flagged(&self) -> bool {
        !self.flags.is_empty()
    }

    /// Raises or lowers a flag.
    #[cfg(feature = "testing")]
    pub(super) fn set(&mut self, flag: Flag, raised: bool) {
        if raised {
            self.flags.insert(flag);
        } else {
            self.flags.remove(&flag);
        }
    }
}
