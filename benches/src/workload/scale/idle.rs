//! A crowd with nothing to do: its waits, which end by themselves every five seconds, and the renewals of its leases.
//!
//! Redis needs most memory just after a wait or a renewal of everybody, because it keeps the buffers of a connection for two
//! seconds after they were used. Whoever plans its memory has to know the most it needs, so it is asked every second; in the
//! first half of the time the buffers of the start are still there.

use std::time::{Duration, Instant};

use ltq::BoxError;

use super::crowd::{Crowd, Used};
use crate::bench::Bench;
use crate::figure::Figure;
use crate::job::Subject;
use crate::numbers::from_len;
use crate::record::{Place, Record};
use crate::redis_figures::{Difference, Snapshot};

const WORKLOAD: &str = "many workers: idle";
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How much longer than asked a watch may take. A machine that stood still for a while tells nothing about a second.
const LATE: Duration = Duration::from_secs(1);
const ATTEMPTS: usize = 5;

/// What a crowd holds while it waits.
pub(super) struct Held {
    workers: f64,
    processes: f64,
    resident_bytes: f64,
    redis_bytes: f64,
}

pub(super) async fn run(bench: &mut Bench, crowd: &mut Crowd, case: &str) -> Result<Held, BoxError> {
    let Watched { idle, all, used, most_memory_bytes } = undisturbed(crowd, bench.settings.watch_crowd_for()).await?;
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
        redis_bytes: most_memory_bytes - crowd.empty.memory_bytes,
    })
}

/// What was seen of a crowd.
struct Watched {
    /// Meanwhile.
    idle: Difference,
    /// Since before there was a worker.
    all: Difference,
    used: Used,
    most_memory_bytes: f64,
}

/// Watches until the machine has not stood still meanwhile.
async fn undisturbed(crowd: &mut Crowd, lasting: Duration) -> Result<Watched, BoxError> {
    for _ in 0..ATTEMPTS {
        let started = Instant::now();
        let watched = watch(crowd, lasting).await?;
        let took = started.elapsed();
        if took < lasting + LATE {
            return Ok(watched);
        }
        eprintln!("  to watch for {lasting:?} took {took:?}: the machine stood still; once more");
    }
    Err(format!("the machine stands still again and again: {lasting:?} were longer {ATTEMPTS} times").into())
}

async fn watch(crowd: &mut Crowd, lasting: Duration) -> Result<Watched, BoxError> {
    crowd.used().await?;
    let before = Snapshot::take(&crowd.client).await?;
    let started = Instant::now();
    let mut most_memory_bytes = 0.0_f64;
    let after = loop {
        tokio::time::sleep(LOOK_AGAIN.min(lasting.saturating_sub(started.elapsed()))).await;
        let now = Snapshot::take(&crowd.client).await?;
        if started.elapsed() >= lasting / 2 {
            most_memory_bytes = most_memory_bytes.max(now.memory_bytes);
        }
        if started.elapsed() >= lasting {
            break now;
        }
    };
    let used = crowd.used().await?;
    Ok(Watched { idle: before.until(&after), all: crowd.empty.until(&after), used, most_memory_bytes })
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
