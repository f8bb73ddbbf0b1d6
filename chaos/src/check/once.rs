//! (b) No message is settled twice: after each step of Redis it is in one place, and it leaves for good.

use super::{Invariant, Violation};
use crate::history::{History, Wrong};

pub(super) fn check(history: &History, violations: &mut Vec<Violation>) {
    for (message, wrong) in &history.wrong {
        let text = match wrong {
            Wrong::PublishedAgain => "it was put on the queue twice",
            Wrong::InTwoPlaces => "it was in two places at once",
            Wrong::CameBack => "it was done, and came back",
            Wrong::SettledTwice => "it was settled twice",
            Wrong::Vanished | Wrong::SettledByAnother => continue,
        };
        violations.push(Violation::of(Invariant::Once, *message, text));
    }
}
