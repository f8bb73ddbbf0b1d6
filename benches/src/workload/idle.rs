//! Workers with nothing to do: what they cost, what they need, and how many of them one message wakes.
//!
//! A worker that wakes looks and waits again, so each new wait at the server (`BLPOP`) is one that woke. Waits that end by
//! themselves fall into the short time of some messages, but not of most: the median is free of them.

use std::time::Duration;

use fred::clients::Client as Bare;
use ltq::{BoxError, Client};

use crate::bench::Bench;
use crate::figure::Figure;
use crate::job::{Job, Subject, Workers};
use crate::messages::{SMALL, padding};
use crate::numbers::{from_count, from_len, median};
use crate::process::{Program, Role};
use crate::record::Place;
use crate::redis_figures::Snapshot;
use crate::server::Server;
use crate::tasks::noop;

pub(crate) const WORKLOAD: &str = "idle workers";
pub(crate) const WORKERS: [usize; 2] = [1, 20];
/// How long one message has until everybody is idle again.
const PAUSE: Duration = Duration::from_millis(60);

/// The case of so many workers in one process.
pub(crate) fn case(workers: usize) -> String {
    if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") }
}

/// What workers hold while they wait.
struct Held {
    process_bytes: f64,
    redis_bytes: f64,
}

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let [few, many] = WORKERS;
    let held_by_few = watch(bench, few).await?;
    let held_by_many = watch(bench, many).await?;
    let more = from_len(many - few);
    let place = Place { workload: WORKLOAD, case: "each further worker", subject: Subject::Ltq.name() };
    let process_bytes = (held_by_many.process_bytes - held_by_few.process_bytes) / more;
    bench.record.add(place, Figure::WorkerBytes, process_bytes);
    let redis_bytes = (held_by_many.redis_bytes - held_by_few.redis_bytes) / more;
    bench.record.add(place, Figure::WorkerRedisBytes, redis_bytes);
    Ok(())
}

async fn watch(bench: &mut Bench, workers: usize) -> Result<Held, BoxError> {
    let server = Server::start()?;
    let client = server.client().await?;
    let empty = Snapshot::take(&client).await?;
    let alone = Duration::from_millis(500);
    tokio::time::sleep(alone).await;
    // The server has something to do even when nobody is connected; the workers are not charged with it.
    let redis_alone = empty.until(&Snapshot::take(&client).await?).cpu_us / alone.as_secs_f64();
    let job = Job::Work(Workers { workers, ..Workers::default() });
    let mut role = Role::start(Program::Plain, &server.url(), &job).await?;
    role.go().await?;

    let before = Snapshot::take(&client).await?;
    tokio::time::sleep(bench.settings.watch_idle_for()).await;
    let after = Snapshot::take(&client).await?;
    let outcome = role.outcome().await?;

    let idle = before.until(&after);
    let worker_seconds = outcome.seconds * from_len(workers);
    let redis_cpu = idle.cpu_us - redis_alone * outcome.seconds;
    let case = case(workers);
    let place = Place { workload: WORKLOAD, case: &case, subject: Subject::Ltq.name() };
    bench.record.add(place, Figure::IdleCommands, idle.commands / worker_seconds);
    bench.record.add(place, Figure::IdleRedisCpu, redis_cpu / worker_seconds);
    bench.record.add(place, Figure::IdleCpu, outcome.cpu_us / worker_seconds);
    let woken = woken(&server, &client, &job, bench.settings.messages_to_idle()).await?;
    bench.record.add(place, Figure::Woken, woken);

    let redis_bytes = empty.until(&after).memory_bytes;
    Ok(Held { process_bytes: from_count(outcome.resident_bytes), redis_bytes })
}

/// How many of the workers one message wakes.
async fn woken(server: &Server, client: &Bare, job: &Job, messages: usize) -> Result<f64, BoxError> {
    let mut role = Role::start(Program::Plain, &server.url(), job).await?;
    role.go().await?;
    let sender = Client::connect(&server.url()).await?;
    // Before the first message the sender has the queue listed.
    sender.send(noop.message(padding(SMALL))).await?;
    let mut woken = Vec::new();
    for _ in 0..messages {
        tokio::time::sleep(PAUSE).await;
        let before = Snapshot::take(client).await?;
        sender.send(noop.message(padding(SMALL))).await?;
        tokio::time::sleep(PAUSE).await;
        woken.push(before.until(&Snapshot::take(client).await?).calls("blpop"));
    }
    role.outcome().await?;
    median(&woken).ok_or_else(|| "no message was sent".into())
}
