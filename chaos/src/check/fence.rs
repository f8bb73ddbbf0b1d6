//! (g) Late results are refused: a message is settled only by the worker in whose hands it is, and the queue's own count
//! of refusals agrees with what the tasks noted.

use super::{Invariant, Violation};
use crate::history::{History, How, NEVER, Wrong};

/// A worker that lives on for so long after a late result has reported it.
const REPORTED_MS: u32 = 20_000;

pub(super) fn check(history: &History, violations: &mut Vec<Violation>) {
    for (message, wrong) in &history.wrong {
        if *wrong == Wrong::SettledByAnother {
            let text = "a worker settled it that did not have it any more";
            violations.push(Violation::of(Invariant::Fence, *message, text));
        }
    }
    let (least, most) = late(history);
    if !(least..=most).contains(&history.refused) {
        let text = format!("{} results were refused; by the notes it must be {least} to {most}", history.refused);
        violations.push(Violation::new(Invariant::Fence, text));
    }
}

/// How many results were late for sure, and how many may have been.
pub(crate) fn late(history: &History) -> (u64, u64) {
    let (mut least, mut most) = (0, 0);
    let mut first = 0;
    while first < history.handouts.len() {
        let message = history.handouts[first].message;
        let handouts = history.handouts_of(message);
        first += handouts.len();
        for (delivery, handout) in History::deliveries(handouts) {
            if handout.how != How::Recovered {
                continue;
            }
            most += 1;
            let finished = history.runs_of(message).iter().any(|run| {
                let lived_on = history.processes.get(usize::from(run.process)).is_some_and(|process| {
                    process.ended == NEVER || process.ended > run.finish.max(handout.ended).saturating_add(REPORTED_MS)
                });
                run.delivery == delivery && run.process == handout.process && run.finish != NEVER && lived_on
            });
            least += u64::from(finished);
        }
    }
    (least, most)
}
