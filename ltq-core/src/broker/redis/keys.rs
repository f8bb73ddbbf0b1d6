//! Every key in Redis: one function each, with its type and what keeps it small. Nothing else builds a key.
//!
//! All keys of a queue share one hash tag, so that in a cluster they lie on one node and a script may touch them
//! together. `docs/redis-keys.md` is the same list for people with a terminal.

use crate::broker::{ProcessId, ProducerId, WorkerId};
use crate::message::QueueName;

/// The keys of the namespace `ltq` as a user of the server is granted them.
pub(super) const PATTERNS: &str = "~{ltq:*}:* ~ltq:queues";

/// How long the last sequence of a producer, and the last turn of a worker, are remembered: longer than anybody repeats.
pub(super) const MEMORY_SECONDS: i64 = 3_600;

/// How many blocks one worker may hold; the same as in `lua/shared/block.lua`.
pub(super) const BLOCKS: u64 = 4;

/// Why a namespace cannot be used, or `None`.
pub(super) fn namespace_fault(namespace: &str) -> Option<&'static str> {
    if namespace.is_empty() {
        Some("the namespace is empty")
    } else if namespace.contains(['{', '}', ':']) || namespace.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Some("the namespace holds a brace, a colon, whitespace or a control character")
    } else {
        None
    }
}

/// SET: names of the queues that exist. Grows with the number of queues.
pub(super) fn queues(namespace: &str) -> String {
    format!("{namespace}:queues")
}

/// The keys of one queue.
#[derive(Debug)]
pub(super) struct QueueKeys(String);

impl QueueKeys {
    /// The keys of `queue`.
    pub(super) fn new(namespace: &str, queue: &QueueName) -> Self {
        Self(format!("{{{namespace}:{queue}}}:"))
    }

    /// LIST: envelopes waiting to be taken, the next one at the head. Grows with the backlog.
    pub(super) fn ready(&self) -> String {
        self.key("ready")
    }

    /// ZSET: envelope by due time in ms. Grows with the backlog.
    pub(super) fn scheduled(&self) -> String {
        self.key("scheduled")
    }

    /// HASH: place to envelope, what one incarnation of a worker holds one by one. No larger than the worker asks for; gone
    /// when the worker is recovered or leaves.
    pub(super) fn active(&self, worker: &WorkerId) -> String {
        self.key(&format!("active:{worker}"))
    }

    /// HASH: index of a list to turn, number and mask, what one incarnation of a worker holds of its blocks. At most
    /// [`BLOCKS`] fields; gone when the worker is recovered or leaves.
    pub(super) fn blocks(&self, worker: &WorkerId) -> String {
        self.key(&format!("blocks:{worker}"))
    }

    /// LIST: a turn and what it took as a block. At most 1,000 envelopes; gone when all are settled, when the list is needed
    /// for another block, or when the worker is recovered or leaves.
    pub(super) fn block(&self, worker: &WorkerId, index: u64) -> String {
        self.key(&format!("block:{worker}:{index}"))
    }

    /// The lists of all blocks.
    pub(super) fn each_block(&self, worker: &WorkerId) -> impl Iterator<Item = String> {
        (0..BLOCKS).map(|index| self.block(worker, index))
    }

    /// ZSET: worker to lease end in ms. One entry per worker, removed when it leaves or is recovered.
    pub(super) fn holders(&self) -> String {
        self.key("holders")
    }

    /// HASH: the few facts about plain messages: id to number of recoveries, only of messages that were ever recovered and
    /// have not ended; and flags of one byte, which call for the full scripts. At most three flags.
    pub(super) fn notes(&self) -> String {
        self.key("notes")
    }

    /// ZSET: id to time of death in ms. Trimmed by count and age.
    pub(super) fn dead(&self) -> String {
        self.key("dead")
    }

    /// HASH: id to record. Trimmed together with `dead`.
    pub(super) fn letters(&self) -> String {
        self.key("letters")
    }

    /// LIST: at most one token, which wakes one waiting worker.
    pub(super) fn wake(&self) -> String {
        self.key("wake")
    }

    /// STRING: the last sequence of a producer, with what it was answered if it asked for answers. Expires after [`MEMORY_SECONDS`].
    pub(super) fn producer(&self, producer: ProducerId) -> String {
        self.key(&format!("producer:{producer}"))
    }

    /// STRING: sequence and outcome of a worker's last turn. Expires after [`MEMORY_SECONDS`].
    pub(super) fn turn(&self, worker: &WorkerId) -> String {
        self.key(&format!("turn:{worker}"))
    }

    /// A key of that type to try commands on. Gone when they have been tried, at the latest after 10 s.
    pub(super) fn probe(&self, kind: &str) -> String {
        self.key(&format!("probe:{kind}"))
    }

    /// HASH: what is known of a process: a description, what it runs, what it is asked to do. Some ten fields, at most 100
    /// messages in one of them; expires after three leases and no less than a minute, gone when the worker leaves.
    pub(super) fn process(&self, process: &ProcessId) -> String {
        self.key(&format!("worker:{process}"))
    }

    /// HASH: events since the queue exists. Seven fields.
    pub(super) fn counts(&self) -> String {
        self.key("counts")
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_queue_share_one_hash_tag() {
        let keys = QueueKeys::new("ltq", &QueueName::new("github").unwrap());
        assert_eq!(keys.ready(), "{ltq:github}:ready");
        assert_eq!(keys.active(&WorkerId::from_name("7-a")), "{ltq:github}:active:7-a");
        assert_eq!(queues("ltq"), "ltq:queues");
    }

    #[test]
    fn a_namespace_that_would_break_the_hash_tag_is_refused() {
        assert!(namespace_fault("a{b").is_some());
        assert!(namespace_fault("").is_some());
        assert!(namespace_fault("my-app_2").is_none());
    }
}
