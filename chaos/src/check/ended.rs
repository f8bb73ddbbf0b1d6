//! (a) Every accepted send ran to its end or is a dead letter.

use super::{Invariant, Violation};
use crate::history::{End, History, Told, Wrong};
use crate::notes::Ending;

pub(super) fn check(history: &History, violations: &mut Vec<Violation>) {
    let mut add = |message, text: &str| violations.push(Violation::of(Invariant::Ended, message, text));
    for (message, wrong) in &history.wrong {
        if *wrong == Wrong::Vanished {
            add(*message, "it left the queue without having been settled");
        }
    }
    for (number, message) in (0..).zip(&history.messages) {
        match message.end {
            // It may have been done by a worker whose notes are gone only if there are no notes at all.
            End::Done if !history.runs_of(number).iter().any(|run| run.ending == Some(Ending::Done)) => {
                add(number, "it was settled as done, and its task never finished");
            }
            End::NotYet if message.told == Told::Accepted && message.published == 0 => {
                add(number, "it was accepted and never was on the queue");
            }
            End::NotYet if message.told == Told::Accepted => {
                add(number, "it was accepted, and is neither done nor a dead letter");
            }
            End::Done | End::Dead | End::NotYet => {}
        }
    }
}
