//! (c) A message runs again only for a reason, and (d) so does one whose send got an error.
//!
//! Each handing-out has a number, so a run that has none of its own is one too many. A handing-out that ended because a
//! lease ran out must have a cause in what was done to its worker.

use std::collections::HashMap;

use super::{Invariant, Violation};
use crate::history::{Handout, History, How, Told};

/// A recovery is noted with whole seconds, and follows the end of the trouble after a reconnect at most this late.
const SLACK_MS: u32 = 4_000;

pub(super) fn check(history: &History, violations: &mut Vec<Violation>) {
    let troubles: Vec<_> = (0..).zip(&history.processes).map(|(number, _)| history.troubles(number)).collect();
    let mut causes = HashMap::new();
    for (number, message) in (0..).zip(&history.messages) {
        let (handouts, runs) = (history.handouts_of(number), history.runs_of(number));
        let invariant = if message.told == Told::Accepted { Invariant::Again } else { Invariant::Error };
        let mut add = |text: &str| violations.push(Violation::of(invariant, number, text));
        if message.published > 1 && runs.len() > 1 {
            add("it ran again because it was put on the queue twice");
        }
        for pair in runs.windows(2) {
            if pair[0].delivery == pair[1].delivery {
                add(&format!("delivery {} of it ran twice", pair[0].delivery));
            }
        }
        for run in runs {
            let mut deliveries = History::deliveries(handouts);
            if !deliveries.any(|(delivery, handout)| delivery == run.delivery && handout.process == run.process) {
                add(&format!("delivery {} of it ran in a worker that was not given it", run.delivery));
            }
        }
        for handout in handouts.iter().filter(|handout| handout.how == How::Recovered) {
            let cause = causes
                .entry((handout.process, handout.ended))
                .or_insert_with(|| has_cause(history, &troubles, handout));
            if !*cause {
                let slot = history.processes.get(usize::from(handout.process)).map_or(0, |process| process.slot);
                add(&format!("it was taken from worker {slot}, which nothing had happened to"));
            }
        }
    }
}

/// Whether the worker was dead, or out of touch long enough for its lease to run out.
fn has_cause(history: &History, troubles: &[Vec<(u32, u32)>], handout: &Handout) -> bool {
    let Some(process) = history.processes.get(usize::from(handout.process)) else { return false };
    if process.ended <= handout.ended.saturating_add(1_000) {
        return true;
    }
    // The last renewal was up to a quarter of the lease before the trouble, and notes are rounded.
    let enough = history.lease * 5 / 8;
    troubles[usize::from(handout.process)].iter().any(|(start, end)| {
        let in_time = *start <= handout.ended + 1_000 && handout.ended <= end.saturating_add(SLACK_MS);
        in_time && (*end).min(handout.ended + 1_000).saturating_sub(*start) >= enough
    })
}
