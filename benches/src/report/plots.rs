//! The plots, as SVG. Nothing is drawn of what was not measured.

use std::path::Path;

use ltq::BoxError;

use super::chart::{Bars, Line, Lines};
use crate::figure::{Figure, grouped};
use crate::job::Subject;
use crate::numbers::{from_count, from_len};
use crate::record::{Place, Record};
use crate::workload::{self, backlog, drain, enqueue, pick_up, sends};

/// Draws what there is to draw; says the names of the files.
pub(super) fn draw(record: &Record, folder: &Path) -> Result<Vec<String>, BoxError> {
    let mut drawn = Vec::new();
    let bars = [("throughput-enqueue.svg", enqueue_bars(record)), ("throughput-drain.svg", drain_bars(record))];
    for (name, bars) in bars {
        if bars.bars.len() > 1 {
            bars.draw(&folder.join(name))?;
            drawn.push(name.to_owned());
        }
    }
    let lines = [
        ("speed-by-concurrency.svg", by_concurrency(record)),
        ("speed-by-backlog.svg", by_backlog(record)),
        ("pick-up-latency.svg", by_percentile(record)),
    ];
    for (name, lines) in lines {
        if lines.lines.iter().any(|line| line.points.len() > 1) {
            lines.draw(&folder.join(name))?;
            drawn.push(name.to_owned());
        }
    }
    Ok(drawn)
}

fn enqueue_bars(record: &Record) -> Bars {
    let mut bars = Bars { title: "Enqueue: messages a second", bars: Vec::new() };
    let enqueued = |subject| Place { workload: enqueue::WORKLOAD, case: enqueue::CASE, subject };
    let case = sends::case(64);
    let sent = |subject| Place { workload: sends::WORKLOAD, case: &case, subject };
    for subject in [Subject::Ltq, Subject::Ceiling] {
        bars.add(record, &format!("bulk, {}", subject.name()), enqueued(subject.name()));
    }
    for subject in [Subject::Ltq, Subject::Ceiling, Subject::Rpush] {
        bars.add(record, &format!("64 senders, {}", subject.name()), sent(subject.name()));
    }
    add_peers(record, &mut bars, workload::PEERS_ENQUEUE);
    bars
}

fn drain_bars(record: &Record) -> Bars {
    let mut bars = Bars { title: "Drain of no-ops: messages a second", bars: Vec::new() };
    let case = drain::usual_case();
    for subject in [Subject::Ltq, Subject::Ceiling] {
        bars.add(record, subject.name(), Place { workload: drain::WORKLOAD, case: &case, subject: subject.name() });
    }
    add_peers(record, &mut bars, workload::PEERS_DRAIN);
    bars
}

fn add_peers(record: &Record, bars: &mut Bars, workload: &'static str) {
    let case = workload::PEERS_CASE;
    for series in record.series.iter().filter(|series| series.workload == workload) {
        if series.subject != Subject::Ltq.name() {
            bars.add(record, &series.subject, Place { workload, case, subject: &series.subject });
        }
    }
}

fn by_concurrency(record: &Record) -> Lines {
    let labels = drain::CONCURRENCIES.iter().map(ToString::to_string).collect();
    let line = |size: &str, subject: Subject| {
        let points = drain::CONCURRENCIES.iter().enumerate().filter_map(|(index, &concurrency)| {
            let case = drain::case(size, drain::usual_at(concurrency));
            let place = Place { workload: drain::WORKLOAD, case: &case, subject: subject.name() };
            Some((from_len(index), record.median(place, Figure::Rate)?))
        });
        Line { name: format!("{}, {size}", subject.name()), points: points.collect() }
    };
    let [(_, small), (_, middle), (_, large)] = crate::messages::SIZES;
    let lines = vec![
        line(small, Subject::Ceiling),
        line(small, Subject::Ltq),
        line(middle, Subject::Ltq),
        line(large, Subject::Ltq),
    ];
    Lines { title: "Drain of no-ops by concurrency", x: "concurrency", y: "messages/s", labels, lines }
}

fn by_backlog(record: &Record) -> Lines {
    let sizes = backlog::measured_sizes(record);
    let labels = sizes.iter().map(|&size| grouped(from_len(size))).collect();
    let line = |subject: Subject| {
        let points = sizes.iter().enumerate().filter_map(|(index, &size)| {
            let case = backlog::case(size);
            let place = Place { workload: backlog::WORKLOAD, case: &case, subject: subject.name() };
            Some((from_len(index), record.median(place, Figure::Rate)?))
        });
        Line { name: subject.name().to_owned(), points: points.collect() }
    };
    let lines = vec![line(Subject::Ceiling), line(Subject::Ltq)];
    Lines { title: "Speed by backlog", x: "waiting messages", y: "messages/s", labels, lines }
}

fn by_percentile(record: &Record) -> Lines {
    let percentiles = [("p50", Figure::P50), ("p99", Figure::P99), ("p99.9", Figure::P999), ("max", Figure::Max)];
    let mut lines = Vec::new();
    for workers in pick_up::WORKERS {
        for per_second in pick_up::RATES {
            let case = pick_up::case(per_second, workers);
            let place = Place { workload: pick_up::WORKLOAD, case: &case, subject: Subject::Ltq.name() };
            let points = (0..)
                .zip(percentiles)
                .filter_map(|(index, (_, figure))| Some((from_count(index), record.median(place, figure)? / 1_000.0)));
            let points = points.collect();
            lines.push(Line { name: case, points });
        }
    }
    let labels = percentiles.iter().map(|(name, _)| (*name).to_owned()).collect();
    Lines { title: "Pick-up latency by load", x: "percentile", y: "milliseconds", labels, lines }
}
