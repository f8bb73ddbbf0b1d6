//! Pick-up latency under open load, beside the round trip of a `PING` at the same rate just before.

use ltq::BoxError;

use crate::bench::Bench;
use crate::figure::Figure;
use crate::job::{Job, Subject};
use crate::process::{Program, Role};
use crate::record::Place;
use crate::server::Server;

pub(crate) const WORKLOAD: &str = "pick-up latency";
pub(crate) const PING: &str = "PING";
pub(crate) const RATES: [u32; 3] = [100, 1_000, 10_000];
pub(crate) const WORKERS: [usize; 2] = [1, 20];
/// What the role measures, by the names it gives them.
const PERCENTILES: [(&str, Figure); 6] = [
    ("from due p50", Figure::P50),
    ("from due p99", Figure::P99),
    ("from due p99.9", Figure::P999),
    ("from due max", Figure::Max),
    ("from send p50", Figure::P50FromSend),
    ("from send p99", Figure::P99FromSend),
];

/// The case of such a load.
pub(crate) fn case(per_second: u32, workers: usize) -> String {
    let plural = if workers == 1 { "" } else { "s" };
    format!("{per_second}/s, {workers} worker{plural}")
}

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let (lasting, pings) = (bench.settings.load_for(), bench.settings.pings());
    for per_second in bench.rotated(RATES) {
        for workers in WORKERS {
            let server = Server::start()?;
            let job = Job::PickUp { per_second, lasting, pings, workers };
            let mut role = Role::start(Program::Plain, &server.url(), &job).await?;
            role.go().await?;
            let outcome = role.outcome().await?;
            let case = case(per_second, workers);
            for (subject, what) in [(Subject::Ltq.name(), "pick-up"), (PING, "ping")] {
                for (name, figure) in PERCENTILES {
                    let value = outcome.more.get(&format!("{what} {name}"));
                    let value = *value.ok_or("a measured process did not say all its percentiles")?;
                    bench.record.add(Place { workload: WORKLOAD, case: &case, subject }, figure, value);
                }
            }
        }
    }
    Ok(())
}
