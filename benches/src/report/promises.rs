//! What LTQ promises about its speed and its cost, each with what was measured in this run.

use crate::figure::{Figure, show};
use crate::job::Subject;
use crate::record::{Place, Record};
use crate::workload::{self, backlog, drain, enqueue, idle, pick_up, sends};

/// Heartbeats a second of one worker on one queue: one in a quarter of the default lease.
const HEARTBEATS: f64 = 0.5;

/// Microseconds of Redis for a message on its whole way: 1.3 times the 3.8 µs that a list and a hash of active messages took
/// when that layout was chosen, without promotion, fencing, wake-ups and repeats.
const MOST_REDIS_CPU: f64 = 4.94;
/// How much faster a drain is to be than that of other queues.
const FASTER_THAN: [(&str, f64); 5] =
    [("apalis", 6.0), ("bullmq", 25.0), ("chasquimq", 1.5), ("python-ltq", 6.0), ("sidekiq", 25.0)];

/// One promise.
#[derive(Debug)]
pub(super) struct Promise {
    pub(super) name: String,
    pub(super) target: Target,
    /// Nothing where it was not measured.
    measured: Option<f64>,
    unit: &'static str,
}

/// What makes a promise held.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
    /// Said without a promise.
    None,
}

impl Target {
    pub(super) fn show(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}"),
            Self::AtMost(bound) => format!("≤ {bound}"),
            Self::Below(bound) => format!("< {bound}"),
            Self::None => String::new(),
        }
    }

    fn holds(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(bound) => Some(value >= bound),
            Self::AtMost(bound) => Some(value <= bound),
            Self::Below(bound) => Some(value < bound),
            Self::None => None,
        }
    }
}

impl Promise {
    pub(super) fn shown(&self) -> String {
        self.measured.map_or_else(String::new, |value| format!("{}{}", show(value), self.unit))
    }

    pub(super) fn held(&self) -> &'static str {
        match self.measured.map(|value| self.target.holds(value)) {
            None => "not measured",
            Some(None) => "",
            Some(Some(true)) => "yes",
            Some(Some(false)) => "**no**",
        }
    }
}

/// All of them, in the order of the report.
pub(super) fn all(record: &Record) -> Vec<Promise> {
    let mut promises = throughput(record);
    promises.extend(latency(record));
    promises.extend(costs(record));
    promises.extend(peers(record));
    promises
}

fn throughput(record: &Record) -> Vec<Promise> {
    let (ltq, ceiling, rpush) = (Subject::Ltq.name(), Subject::Ceiling.name(), Subject::Rpush.name());
    let drained = drain::usual_case();
    let drained = |subject| Place { workload: drain::WORKLOAD, case: &drained, subject };
    let enqueued = |subject| Place { workload: enqueue::WORKLOAD, case: enqueue::CASE, subject };
    let sent = sends::case(64);
    let sent = |subject| Place { workload: sends::WORKLOAD, case: &sent, subject };
    let ratio = |one, other| record.ratio(one, other, Figure::Rate);
    vec![
        promise(
            "drain of no-ops, default middleware, concurrency 100 / ceiling",
            Target::AtLeast(0.6),
            ratio(drained(ltq), drained(ceiling)),
            "",
        ),
        promise("bulk enqueue / ceiling", Target::AtLeast(0.7), ratio(enqueued(ltq), enqueued(ceiling)), ""),
        promise(
            "64 single sends at once / one call of the script a send",
            Target::AtLeast(1.5),
            ratio(sent(ltq), sent(ceiling)),
            "",
        ),
        promise("the same / one plain RPUSH a send", Target::None, ratio(sent(ltq), sent(rpush)), ""),
        promise(
            "lowest speed at any backlog / speed at the smallest",
            Target::AtLeast(0.9),
            flatness(record, Subject::Ltq),
            "",
        ),
        promise(
            "the same of the scripts in batches of 100, lowest / highest",
            Target::AtLeast(0.9),
            spread(record, Subject::Ceiling),
            "",
        ),
    ]
}

fn latency(record: &Record) -> Vec<Promise> {
    let case = pick_up::case(1_000, 1);
    let place = |subject| Place { workload: pick_up::WORKLOAD, case: &case, subject };
    let (ltq, ping) = (place(Subject::Ltq.name()), place(pick_up::PING));
    vec![
        promise("pick-up at 1,000/s, p50", Target::Below(500.0), record.median(ltq, Figure::P50), " µs"),
        promise("pick-up at 1,000/s, p99", Target::Below(3_000.0), record.median(ltq, Figure::P99), " µs"),
        promise("p50 from the send / PING", Target::None, record.ratio(ltq, ping, Figure::P50FromSend), ""),
        promise("p99 from the send / PING", Target::None, record.ratio(ltq, ping, Figure::P99FromSend), ""),
    ]
}

fn costs(record: &Record) -> Vec<Promise> {
    let cost = |case, subject| Place { workload: workload::COST, case, subject };
    let whole_way = |subject| cost(workload::WHOLE_WAY, subject);
    let scripts = whole_way(Subject::Ceiling.name());
    let ltq = Subject::Ltq.name();
    let [one, many] = idle::WORKERS.map(idle::case);
    let idling = |case| Place { workload: idle::WORKLOAD, case, subject: ltq };
    vec![
        promise(
            "Redis CPU of enqueue, take and acknowledge in batches of 100 / the plain layout, a command a message",
            Target::None,
            record.ratio(scripts, whole_way(workload::PLAIN_BY_MESSAGE), Figure::RedisCpu),
            "",
        ),
        promise(
            "the same / the plain layout, a command a batch",
            Target::None,
            record.ratio(scripts, whole_way(workload::PLAIN_BY_BATCH), Figure::RedisCpu),
            "",
        ),
        promise(
            "the same in µs per message",
            Target::AtMost(MOST_REDIS_CPU),
            record.median(scripts, Figure::RedisCpu),
            " µs",
        ),
        promise(
            "commands per message under load",
            Target::AtMost(0.1),
            record.median(cost(workload::DRAIN_COST, ltq), Figure::Commands),
            "",
        ),
        promise(
            "commands/s of an idle worker beside its heartbeats",
            Target::Below(1.0),
            record.median(idling(&one), Figure::IdleCommands).map(|all| all - HEARTBEATS),
            "",
        ),
        promise(
            "of 20 idle workers, woken by one message",
            Target::AtMost(2.0),
            record.median(idling(&many), Figure::Woken),
            "",
        ),
    ]
}

/// LTQ's drain beside each of the others, in their own workload.
fn peers(record: &Record) -> Vec<Promise> {
    let place = |subject| Place { workload: workload::PEERS_DRAIN, case: workload::PEERS_CASE, subject };
    let ltq = Subject::Ltq.name();
    let others = record.series.iter().filter(|series| series.workload == workload::PEERS_DRAIN);
    let others = others.map(|series| series.subject.as_str()).filter(|subject| *subject != ltq);
    others
        .map(|other| {
            let name = format!("drain of no-ops / {other}");
            let target = FASTER_THAN.iter().find(|(peer, _)| *peer == other);
            let target = target.map_or(Target::None, |(_, times)| Target::AtLeast(*times));
            promise(&name, target, record.ratio(place(ltq), place(other), Figure::Rate), "")
        })
        .collect()
}

/// The lowest speed beside that with the smallest backlog.
fn flatness(record: &Record, subject: Subject) -> Option<f64> {
    let mut speeds = speeds(record, subject);
    let first = speeds.next()?;
    speeds.map(|speed| speed / first).min_by(f64::total_cmp)
}

/// The lowest speed at any backlog beside the highest.
fn spread(record: &Record, subject: Subject) -> Option<f64> {
    let highest = speeds(record, subject).max_by(f64::total_cmp)?;
    speeds(record, subject).map(|speed| speed / highest).min_by(f64::total_cmp)
}

/// The speeds at every backlog, the smallest first.
fn speeds(record: &Record, subject: Subject) -> impl Iterator<Item = f64> {
    let series = record.series.iter().filter(|series| series.workload == backlog::WORKLOAD);
    let speeds = series.filter(move |series| series.figure == Figure::Rate && series.subject == subject.name());
    speeds.filter_map(|series| series.median())
}

fn promise(name: &str, target: Target, measured: Option<f64>, unit: &'static str) -> Promise {
    Promise { name: name.to_owned(), target, measured, unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_neither_held_nor_broken() {
        let all = all(&Record::default());
        assert!(all.iter().all(|promise| promise.held() == "not measured" && promise.shown().is_empty()));
    }

    #[test]
    fn a_promise_is_held_at_its_bound() {
        let held = |target, value| promise("", target, Some(value), "").held();
        assert_eq!(held(Target::AtLeast(0.6), 0.6), "yes");
        assert_eq!(held(Target::AtMost(1.3), 1.31), "**no**");
        assert_eq!(held(Target::Below(1.0), 1.0), "**no**");
        assert_eq!(held(Target::None, 5.0), "");
    }

    #[test]
    fn flatness_is_the_worst_size() {
        let mut record = Record::default();
        for (case, speed) in [("1", 100.0), ("2", 80.0), ("3", 95.0)] {
            let place = Place { workload: backlog::WORKLOAD, case, subject: Subject::Ltq.name() };
            record.add(place, Figure::Rate, speed);
        }
        assert!((flatness(&record, Subject::Ltq).unwrap() - 0.8).abs() < 1e-9);
        assert!((spread(&record, Subject::Ltq).unwrap() - 0.8).abs() < 1e-9);
    }
}
