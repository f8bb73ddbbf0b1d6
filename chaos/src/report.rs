//! [`Report`]: the figures of a run, as a table and as JSON.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Serialize;

use crate::check::{after_outages, windows};
use crate::faults::Fault;
use crate::history::{End, History, How, Made, NEVER, Told};
use crate::scenario::Scenario;

/// How some durations are spread, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) p50: u32,
    pub(crate) p99: u32,
    pub(crate) max: u32,
}

impl Spread {
    fn of(mut millis: Vec<u32>) -> Option<Self> {
        millis.sort_unstable();
        let at = |percent: usize| millis.get((millis.len() * percent).div_ceil(100).max(1) - 1).copied();
        Some(Self { count: millis.len(), p50: at(50)?, p99: at(99)?, max: at(100)? })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |millis: u32| f64::from(millis) / 1_000.0;
        let (p50, p99, max) = (seconds(self.p50), seconds(self.p99), seconds(self.max));
        write!(f, "p50 {p50:.2} s, p99 {p99:.2} s, max {max:.2} s ({} times)", self.count)
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) scenario: &'static str,
    pub(crate) seed: u64,
    pub(crate) seconds: f64,
    pub(crate) messages: usize,
    pub(crate) accepted: usize,
    pub(crate) done: usize,
    pub(crate) dead: usize,
    /// How often a message was given to a worker, and how often as one of a batch.
    pub(crate) given: usize,
    pub(crate) in_blocks: usize,
    pub(crate) runs: usize,
    /// Runs beyond those that retries and shutdowns asked for: their worker was lost.
    pub(crate) duplicates: usize,
    pub(crate) refused: u64,
    pub(crate) sends_failed: BTreeMap<String, usize>,
    pub(crate) faults: BTreeMap<&'static str, usize>,
    pub(crate) connection_faults: usize,
    pub(crate) stalls_beyond_lease: usize,
    pub(crate) redis_restarts: usize,
    /// From a kill until every message of the victim was started by another, where nothing else got in the way.
    pub(crate) recovery: Option<Spread>,
    /// The same where an outage of Redis came in between, or the next worker that was given one of them was lost, too,
    /// before it began.
    pub(crate) recovery_with_more_faults: Option<Spread>,
    /// From the end of an outage until any worker finished a message.
    pub(crate) progress: BTreeMap<&'static str, Spread>,
    /// How often a worker was undisturbed for longer than it may be silent.
    pub(crate) windows: usize,
    pub(crate) violations: BTreeMap<char, usize>,
}

impl Report {
    pub(crate) fn new(history: &History, scenario: &Scenario, seed: u64) -> Self {
        let count = |fits: &dyn Fn(&Made) -> bool| history.faults.iter().filter(|made| fits(made)).count();
        let mut faults: BTreeMap<_, usize> = BTreeMap::new();
        for made in &history.faults {
            *faults.entry(made.fault.name()).or_default() += 1;
        }
        let mut sends_failed: BTreeMap<String, usize> = BTreeMap::new();
        for message in &history.messages {
            if let Told::Error(kind) = message.told {
                *sends_failed.entry(history.errors[usize::from(kind)].clone()).or_default() += 1;
            }
        }
        let (disturbed, undisturbed): (Vec<_>, Vec<_>) =
            recoveries(history).into_iter().partition(|(_, disturbed)| *disturbed);
        let spread =
            |recoveries: Vec<(u32, bool)>| Spread::of(recoveries.into_iter().map(|(millis, _)| millis).collect());
        let mut progress: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        for after in after_outages(history) {
            progress.entry(after.fault.name()).or_default().push(after.millis);
        }
        let ended = |end: End| history.messages.iter().filter(|message| message.end == end).count();
        let bound = u32::try_from(scenario.worker_bound.as_millis()).unwrap_or(NEVER);
        Self {
            scenario: scenario.name,
            seed,
            seconds: f64::from(history.calm_from) / 1_000.0,
            messages: history.messages.len(),
            accepted: history.messages.iter().filter(|message| message.told == Told::Accepted).count(),
            done: ended(End::Done),
            dead: ended(End::Dead),
            given: history.handouts.len(),
            in_blocks: history.in_blocks,
            runs: history.runs.len(),
            duplicates: duplicates(history),
            refused: history.refused,
            sends_failed,
            faults,
            connection_faults: count(&|made| made.fault.is_of_a_connection()),
            stalls_beyond_lease: count(&|made| {
                let stalls = matches!(made.fault, Fault::Freeze { .. } | Fault::Stall { .. });
                stalls && made.end - made.start > history.lease
            }),
            redis_restarts: count(&|made| matches!(made.fault, Fault::RedisKill { .. } | Fault::RedisRestart { .. })),
            recovery: spread(undisturbed),
            recovery_with_more_faults: spread(disturbed),
            progress: progress.into_iter().filter_map(|(name, all)| Some((name, Spread::of(all)?))).collect(),
            windows: windows(history, bound).len(),
            violations: BTreeMap::new(),
        }
    }

    /// Where recovery takes longer than it may.
    pub(crate) fn slow(&self, scenario: &Scenario) -> Option<String> {
        let (most, half) = scenario.recovery_beyond_lease?;
        let recovery = self.recovery?;
        let millis =
            |beyond: std::time::Duration| u32::try_from((scenario.lease + beyond).as_millis()).unwrap_or(NEVER);
        let (most, half) = (millis(most), millis(half));
        (recovery.max > most || recovery.p50 > half)
            .then(|| format!("recovery took {recovery}; at most {most} ms, and {half} ms for half of them, is allowed"))
    }
}

/// How long after each kill the last message of the victim was started by another, and whether another fault came in
/// between.
fn recoveries(history: &History) -> Vec<(u32, bool)> {
    let mut last: BTreeMap<u16, u32> = BTreeMap::new();
    let mut lost_again = HashSet::new();
    let kills: BTreeMap<u16, u32> = history
        .faults
        .iter()
        .filter(|made| matches!(made.fault, Fault::Kill { .. }))
        .filter_map(|made| Some((made.process?, made.start)))
        .collect();
    for (index, handout) in history.handouts.iter().enumerate().filter(|(_, handout)| handout.how == How::Recovered) {
        let Some(&killed) = kills.get(&handout.process) else { continue };
        if handout.ended.saturating_add(1_000) < killed {
            continue;
        }
        let runs = history.runs_of(handout.message).iter();
        let next = history.handouts.get(index + 1).filter(|next| next.message == handout.message);
        let begun = |process: u16| runs.clone().any(|run| run.process == process && run.start >= killed);
        if next.is_some_and(|next| next.how == How::Recovered && !begun(next.process)) {
            lost_again.insert(handout.process);
        }
        // One that had been recovered too often does not run again.
        let next = runs.filter(|run| run.process != handout.process && run.start >= killed).map(|run| run.start).min();
        let latest = last.entry(handout.process).or_default();
        *latest = (*latest).max(next.unwrap_or_default());
    }
    let outages: Vec<_> = history.faults.iter().filter(|made| made.fault.is_an_outage()).collect();
    let recovery = |(process, last): (u16, u32)| {
        let killed = kills[&process];
        let away = outages.iter().any(|made| made.start <= last && made.end.saturating_add(2_000) >= killed);
        let disturbed = away || lost_again.contains(&process);
        (last.saturating_sub(killed), disturbed)
    };
    last.into_iter().filter(|(_, last)| *last > 0).map(recovery).collect()
}

fn duplicates(history: &History) -> usize {
    let recovered = history.handouts.iter().filter(|handout| handout.how == How::Recovered);
    let mut messages: Vec<u32> = recovered.map(|handout| handout.message).collect();
    messages.dedup();
    let again = |message: u32| {
        let handouts = history.handouts_of(message);
        let lost: Vec<_> = History::deliveries(handouts)
            .filter(|(_, handout)| handout.how == How::Recovered)
            .map(|(number, _)| number)
            .collect();
        history.runs_of(message).iter().filter(|run| lost.contains(&run.delivery)).count()
    };
    messages.into_iter().map(again).sum()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: Vec<String>| if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
        let faults = list(self.faults.iter().map(|(name, count)| format!("{count} {name}")).collect());
        let failed = list(self.sends_failed.iter().map(|(name, count)| format!("{count} {name}")).collect());
        let none = || "none".to_owned();
        let mut rows = vec![
            ("scenario", format!("{}, seed {}, {:.0} s", self.scenario, self.seed, self.seconds)),
            (
                "messages",
                format!("{} sent, {} accepted, {} done, {} dead", self.messages, self.accepted, self.done, self.dead),
            ),
            ("given to workers", format!("{}, of these {} in blocks", self.given, self.in_blocks)),
            ("runs", format!("{}, of these {} that a lost worker did not settle", self.runs, self.duplicates)),
            ("late results refused", self.refused.to_string()),
            ("sends that failed", failed),
            ("faults", faults),
            ("connection faults", self.connection_faults.to_string()),
            ("stalls beyond the lease", self.stalls_beyond_lease.to_string()),
            ("Redis restarts", self.redis_restarts.to_string()),
            ("recovery after kill -9", self.recovery.map_or_else(none, |spread| spread.to_string())),
            (
                "the same with more faults",
                self.recovery_with_more_faults.map_or_else(none, |spread| spread.to_string()),
            ),
        ];
        let progress: Vec<_> =
            self.progress.iter().map(|(name, spread)| (format!("progress after {name}"), spread.to_string())).collect();
        rows.extend(progress.iter().map(|(name, spread)| (name.as_str(), spread.clone())));
        rows.push(("workers watched undisturbed", format!("{} times", self.windows)));
        let violations: Vec<_> = self.violations.iter().map(|(letter, count)| format!("({letter}) {count}")).collect();
        rows.push(("broken invariants", list(violations)));
        writeln!(f, "| | |\n| --- | --- |")?;
        rows.iter().try_for_each(|(name, value)| writeln!(f, "| {name} | {value} |"))
    }
}
