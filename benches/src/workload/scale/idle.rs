//! A crowd with nothing to do: its waits, which end by themselves every five seconds, and the renewals of its leases.

use ltq::BoxError;

use super::crowd::Crowd;
use crate::driver::Bench;
use crate::figure::Figure;
use crate::job::Subject;
use crate::numbers::from_len;
use crate::record::{Place, Record};
use crate::redis_figures::Snapshot;

const WORKLOAD: &str = "many workers: idle";

/// What a crowd holds while it waits.
pub(super) struct Held {
    workers: f64,
    processes: f64,
    resident_bytes: f64,
    redis_bytes: f64,
}

pub(super) async fn run(bench: &mut Bench, crowd: &mut Crowd, case: &str) -> Result<Held, BoxError> {
    crowd.used().await?;
    let before = Snapshot::take(&crowd.client).await?;
    tokio::time::sleep(bench.settings.watch_crowd_for()).await;
    let after = Snapshot::take(&crowd.client).await?;
    let used = crowd.used().await?;
    let idle = before.until(&after);
    let all = crowd.empty.until(&after);
    let place = place(case);
    let percent = |cpu_us: f64| 100.0 * cpu_us / (1e6 * used.seconds);
    bench.record.add(place, Figure::AllCommands, idle.commands / used.seconds);
    bench.record.add(place, Figure::RedisShare, percent(idle.cpu_us));
    bench.record.add(place, Figure::ProcessShare, percent(used.cpu_us));
    bench.record.add(place, Figure::IdleCpu, used.cpu_us / (used.seconds * from_len(crowd.workers)));
    bench.record.add(place, Figure::Connections, all.connections);
    bench.record.add(place, Figure::Threads, used.threads);
    Ok(Held {
        workers: from_len(crowd.workers),
        processes: from_len(crowd.processes()),
        resident_bytes: used.resident_bytes,
        redis_bytes: all.memory_bytes,
    })
}

impl Held {
    /// What each worker needs beside what a process with one worker needs anyway.
    pub(super) fn note_per_worker(&self, one: &Self, record: &mut Record, case: &str) {
        record.add(place(case), Figure::WorkerBytes, self.bytes_per_worker(one));
        record.add(place(case), Figure::WorkerRedisBytes, self.redis_bytes_per_worker(one));
    }

    fn bytes_per_worker(&self, one: &Self) -> f64 {
        (self.resident_bytes - self.processes * one.resident_bytes) / (self.workers - self.processes)
    }

    fn redis_bytes_per_worker(&self, one: &Self) -> f64 {
        (self.redis_bytes - one.redis_bytes) / (self.workers - one.workers)
    }
}

fn place(case: &str) -> Place<'_> {
    Place { workload: WORKLOAD, case, subject: Subject::Ltq.name() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_needs_anyway_is_not_charged_to_its_workers() {
        let one = Held { workers: 1.0, processes: 1.0, resident_bytes: 1_000.0, redis_bytes: 100.0 };
        let many = Held { workers: 20.0, processes: 4.0, resident_bytes: 4_160.0, redis_bytes: 290.0 };
        assert!((many.bytes_per_worker(&one) - 10.0).abs() < 1e-9);
        assert!((many.redis_bytes_per_worker(&one) - 10.0).abs() < 1e-9);
    }
}
