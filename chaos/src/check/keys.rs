//! (e) At the end Redis holds no key that is neither bounded nor expires, and nothing of the work.

use super::{Invariant, Violation};
use crate::history::History;

/// How many dead letters a queue keeps.
const DEAD_LETTERS: u64 = 10_000;
/// More kinds of events than anybody counts.
const COUNTS: u64 = 20;

pub(super) fn check(history: &History, violations: &mut Vec<Violation>) {
    let mut add = |text: String| violations.push(Violation::new(Invariant::Keys, text));
    let [ready, scheduled, active, workers] = history.left;
    if history.left != [0; 4] {
        add(format!("left: {ready} ready, {scheduled} scheduled, {active} active messages, {workers} workers"));
    }
    for key in &history.keys {
        let name = key.name.split_once("}:").map_or(key.name.as_str(), |(_, name)| name);
        let kind = name.split(':').next().unwrap_or_default();
        let most = match kind {
            "producer" | "turn" if key.expires => continue,
            // Some ten fields; it goes three leases after the last renewal.
            "worker" if key.expires => continue,
            "producer" | "turn" | "worker" => 0,
            "dead" | "letters" => DEAD_LETTERS,
            "wake" => 1,
            "counts" => COUNTS,
            // The name of the namespace: `ltq:queues`.
            "ltq" => 1,
            _ => 0,
        };
        if key.size > most {
            let ends = if key.expires { "expires" } else { "never expires" };
            add(format!("the key `{}` has {} elements and {ends}; {most} are allowed", key.name, key.size));
        }
    }
}
