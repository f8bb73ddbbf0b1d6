//! (f) No worker goes silent: one that nothing disturbs finishes message after message, and when Redis is back somebody
//! finishes one soon.
//!
//! Producers never stop during a run, so there is always work.

use super::{Invariant, Violation};
use crate::faults::Fault;
use crate::history::{History, NEVER};
use crate::scenario::Scenario;

/// How long after the end of an outage it took until any worker finished a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) fault: Fault,
    pub(crate) back: u32,
    pub(crate) millis: u32,
}

pub(super) fn check(history: &History, scenario: &Scenario, violations: &mut Vec<Violation>) {
    let mut add = |text: String| violations.push(Violation::new(Invariant::Silent, text));
    for process in history.processes.iter().filter(|process| process.unexpected) {
        add(format!("worker {} (process {}) ended by itself: {}", process.slot, process.pid, process.end));
    }
    let bound = millis(scenario.worker_bound);
    let finishes = finishes(history);
    for (number, start, end) in windows(history, bound) {
        let finishes = &finishes[usize::from(number)];
        let first = finishes.partition_point(|finish| *finish < start);
        let mut last = start;
        for at in finishes[first..].iter().copied().take_while(|finish| *finish < end).chain([end]) {
            if at - last > bound {
                let process = &history.processes[usize::from(number)];
                add(format!(
                    "worker {} (process {}) finished nothing from {last} to {at} ms, and nothing disturbed it",
                    process.slot, process.pid
                ));
                break;
            }
            last = at;
        }
    }
    for progress in after_outages(history) {
        if progress.millis > millis(scenario.redis_bound) {
            add(format!(
                "after `{}`, which ended at {} ms, nobody finished a message for {} ms",
                progress.fault.name(),
                progress.back,
                progress.millis
            ));
        }
    }
}

/// When nothing disturbed a worker process for longer than `longer_than`: process, start, end.
pub(crate) fn windows(history: &History, longer_than: u32) -> Vec<(u16, u32, u32)> {
    let mut windows = Vec::new();
    for (number, process) in (0..).zip(&history.processes) {
        let end = process.ended.min(history.calm_from);
        let mut start = process.started;
        for (from, to) in history.troubles(number).into_iter().chain([(end, NEVER)]) {
            let until = from.min(end);
            if until.saturating_sub(start) > longer_than {
                windows.push((number, start, until));
            }
            start = start.max(to);
        }
    }
    windows
}

/// The progress after each outage. One during which the next began is left out: there was no time.
pub(crate) fn after_outages(history: &History) -> Vec<Progress> {
    let mut all: Vec<_> = finishes(history).into_iter().flatten().collect();
    all.sort_unstable();
    let outages: Vec<_> = history.faults.iter().filter(|made| made.fault.is_an_outage()).collect();
    let after = |made: &&crate::history::Made| {
        let finish = all.get(all.partition_point(|finish| *finish < made.end)).copied().unwrap_or(NEVER);
        let millis = finish - made.end;
        let next = outages.iter().map(|other| other.start).filter(|start| *start > made.start).min();
        let in_time = next.is_none_or(|next| made.end.saturating_add(millis) < next);
        in_time.then_some(Progress { fault: made.fault, back: made.end, millis })
    };
    outages.iter().filter_map(after).collect()
}

/// When each worker process finished a run, in order.
fn finishes(history: &History) -> Vec<Vec<u32>> {
    let mut finishes = vec![Vec::new(); history.processes.len()];
    for run in history.runs.iter().filter(|run| run.finish != NEVER) {
        finishes[usize::from(run.process)].push(run.finish);
    }
    for finishes in &mut finishes {
        finishes.sort_unstable();
    }
    finishes
}

fn millis(duration: std::time::Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(NEVER)
}
