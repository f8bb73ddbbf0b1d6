//! The driver: goes through the workloads, several times over, and writes the report.
//!
//! Runs are interleaved: each run makes every measurement once, LTQ and what it is compared with right after each other, and
//! the next run makes them in another order. What disturbs the machine for a while then disturbs all of them.

use ltq::BoxError;

use crate::args::{Group, Settings};
use crate::bench::Bench;
use crate::record::Record;
use crate::report::{self, Environment};
use crate::{guard, peers, workload};

/// Measures and reports.
pub(crate) async fn run(settings: Settings) -> Result<(), BoxError> {
    let peers = if settings.wants(Group::Peers) { peers::build_all()? } else { Vec::new() };
    let mut bench = Bench { settings, record: Record::default(), peers, turn: 0 };
    let environment = Environment::of(&bench.settings).await?;
    for turn in 0..bench.settings.runs {
        bench.turn = turn;
        eprintln!("run {} of {}", turn + 1, bench.settings.runs);
        workload::run_all(&mut bench).await?;
    }
    report::finish(&bench, &environment)?;
    guard::check(&bench.record)
}
