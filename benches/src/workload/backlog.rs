//! Speed, cost and memory by the number of waiting messages.
//!
//! A worker takes messages from a backlog that the driver keeps at its size, so that every size is measured under the same
//! conditions: the driver takes its share of the processors at all of them. The ceiling enqueues and takes in turn.

use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::{KeysInterface as _, ListInterface as _};
use ltq::BoxError;

use super::pairs;
use super::progress::done;
use crate::bench::Bench;
use crate::ceiling::{Caller, Scripts};
use crate::figure::{Figure, grouped};
use crate::job::{Job, Subject, Workers};
use crate::messages::{SMALL, fill, key, payloads, queue, release};
use crate::numbers::{from_len, per_second};
use crate::process::{Program, Role};
use crate::record::{Place, Record};
use crate::redis_figures::{Difference, Snapshot};
use crate::server::Server;

pub(crate) const WORKLOAD: &str = "backlog";
/// The sizes that are compared.
const ALL_SIZES: [usize; 5] = [1_000, 10_000, 100_000, 1_000_000, 5_000_000];
/// The fewest messages that are put back at once.
const REFILL: usize = 100;
/// How long nothing may happen before the run is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The case of so many waiting messages.
pub(crate) fn case(waiting: usize) -> String {
    format!("{} waiting", grouped(from_len(waiting)))
}

/// The sizes of backlog that were measured, the smallest first.
pub(crate) fn measured_sizes(record: &Record) -> Vec<usize> {
    let is_measured = |size: &usize| {
        let case = case(*size);
        record.series.iter().any(|series| series.workload == WORKLOAD && series.case == case)
    };
    ALL_SIZES.iter().copied().filter(is_measured).collect()
}

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let messages = bench.settings.messages / 2;
    // Each has a server of its own, which grows from size to size.
    let (scripts_server, worker_server) = (Server::start()?, Server::start()?);
    let (scripts_client, worker_client) = (scripts_server.client().await?, worker_server.client().await?);
    let mut pairs_caller = Scripts::connect(&scripts_server.url()).await?.caller(&queue(0), "pairs");
    let mut refill_caller = Scripts::connect(&worker_server.url()).await?.caller(&queue(0), "refill");
    let empty = Snapshot::take(&scripts_client).await?;
    for backlog in ALL_SIZES.into_iter().filter(|size| *size <= bench.settings.largest_backlog()) {
        let case = case(backlog);
        let place = |subject: Subject| Place { workload: WORKLOAD, case: &case, subject: subject.name() };

        top_up(&scripts_client, "ready", backlog).await?;
        let memory_bytes = empty.until(&Snapshot::take(&scripts_client).await?).memory_bytes;
        let (elapsed, redis) = pairs::by_scripts(&scripts_server, &mut pairs_caller, messages).await?;
        bench.record.add(place(Subject::Ceiling), Figure::Rate, per_second(messages, elapsed));
        bench.record.add(place(Subject::Ceiling), Figure::RedisCpu, redis.cpu_us / from_len(messages));
        bench.record.add(place(Subject::Ltq), Figure::WaitingBytes, memory_bytes / from_len(backlog));

        top_up(&worker_client, "held", backlog).await?;
        let (elapsed, redis) = by_worker(&worker_server, &worker_client, &mut refill_caller, messages).await?;
        bench.record.add(place(Subject::Ltq), Figure::Rate, per_second(messages, elapsed));
        bench.record.add(place(Subject::Ltq), Figure::RedisCpu, redis.cpu_us / from_len(messages));
    }
    Ok(())
}

/// Makes the list `name` so long.
async fn top_up(client: &Client, name: &str, length: usize) -> Result<(), BoxError> {
    let there: usize = client.llen(key(&queue(0), name)).await?;
    fill(client, &queue(0), name, SMALL, length.saturating_sub(there)).await
}

/// A worker runs `messages` messages, each of which the driver replaces.
async fn by_worker(
    server: &Server,
    client: &Client,
    refill: &mut Caller,
    messages: usize,
) -> Result<(Duration, Difference), BoxError> {
    let queue = queue(0);
    let payloads = payloads(&queue, SMALL, messages)?;
    let mut role = Role::start(Program::Plain, &server.url(), &Job::Work(Workers::default())).await?;
    role.go().await?;
    let done_before = done(client, &queue).await?;
    let before = Snapshot::take(client).await?;
    let started = Instant::now();
    release(client, 1).await?;
    let (mut replaced, mut progress) = (0, (0, started));
    loop {
        let ended = done(client, &queue).await? - done_before;
        if ended > progress.0 {
            progress = (ended, Instant::now());
        } else if progress.1.elapsed() > PATIENCE {
            return Err(format!("no progress for {PATIENCE:?} with {ended} of {messages} messages done").into());
        }
        let missing = ended.min(messages) - replaced;
        if missing >= REFILL {
            refill.publish(&payloads[replaced..replaced + missing]).await?;
            replaced += missing;
        }
        if ended >= messages {
            break;
        }
    }
    let elapsed = started.elapsed();
    let redis = before.until(&Snapshot::take(client).await?);
    role.outcome().await?;
    // What is left waits for the next size out of the reach of a worker that starts. A quick worker may have left nothing.
    if client.exists::<u64, _>(key(&queue, "ready")).await? > 0 {
        client.rename::<(), _, _>(key(&queue, "ready"), key(&queue, "held")).await?;
    }
    Ok((elapsed, redis))
}
