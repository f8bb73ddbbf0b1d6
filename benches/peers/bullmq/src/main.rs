//! BullMQ's Rust library, enqueuing and draining jobs that do nothing.
//!
//! What a reader would question: the end of a drain is counted in the workers' `Completed` events. The library sends one
//! after the script that settled the job, so the time covers the acknowledgements; somebody has to read the events
//! anyway, since they gather in an unbounded channel.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bullmq::options::RedisConnectionOptions;
use bullmq::types::RemoveOnFinish;
use bullmq::worker::WorkerEvent;
use bullmq::{BulkJob, Job, Queue, QueueOptions, Worker, WorkerOptions};
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::Value;
use tokio::sync::Notify;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const QUEUE: &str = "peer";
/// Jobs of one `add_bulk`.
const CHUNK: usize = 1_000;

static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Measures BullMQ on a Redis server that is running.
#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts jobs on the queue.
    Enqueue(Load),
    /// Runs the jobs of the queue.
    Drain {
        #[command(flatten)]
        load: Load,
        /// How many jobs run at once, over all workers.
        #[arg(long)]
        concurrency: NonZeroUsize,
        /// How the workers are set up.
        #[arg(long, value_enum, default_value = "one-worker")]
        setting: Setting,
    },
}

#[derive(clap::Args)]
struct Load {
    /// The address of the server.
    #[arg(long)]
    url: String,
    /// How many jobs.
    #[arg(long)]
    messages: NonZeroUsize,
}

impl Load {
    fn connection(&self) -> RedisConnectionOptions {
        RedisConnectionOptions::new().url(&self.url)
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Setting {
    /// One worker; completed jobs are removed: as fast as any other.
    OneWorker,
    /// Four workers share the concurrency; completed jobs are removed.
    FourWorkers,
    /// One worker; completed jobs are kept, as the library does unless told otherwise.
    Kept,
}

impl Setting {
    fn workers(self) -> usize {
        if matches!(self, Self::FourWorkers) { 4 } else { 1 }
    }

    fn removes(self) -> bool {
        !matches!(self, Self::Kept)
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    match Program::parse().command {
        Command::Enqueue(load) => enqueue(&load).await,
        Command::Drain { load, concurrency, setting } => drain(&load, concurrency.get(), setting).await,
    }
}

async fn enqueue(load: &Load) -> Result<(), BoxError> {
    let queue = Queue::with_options(QUEUE, QueueOptions::new().connection(load.connection())).await?;
    let started = Instant::now();
    let mut left = load.messages.get();
    while left > 0 {
        let count = left.min(CHUNK);
        queue.add_bulk((0..count).map(|_| BulkJob::new("noop", "x".repeat(80))).collect()).await?;
        left -= count;
    }
    report(load, started.elapsed(), "add_bulk of 1,000");
    Ok(())
}

async fn drain(load: &Load, concurrency: usize, setting: Setting) -> Result<(), BoxError> {
    let (completed, all_completed) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let each = concurrency.div_ceil(setting.workers());
    let options = WorkerOptions::new()
        .connection(load.connection())
        .concurrency(each)
        .remove_on_complete(RemoveOnFinish::Bool(setting.removes()));
    let started = Instant::now();
    for _ in 0..setting.workers() {
        let worker = Worker::with_options(QUEUE, noop, options.clone()).await?;
        let (completed, all_completed, messages) = (completed.clone(), all_completed.clone(), load.messages.get());
        tokio::spawn(async move {
            while let Some(event) = worker.next_event().await {
                let one_more = matches!(event, WorkerEvent::Completed { .. });
                if one_more && completed.fetch_add(1, Ordering::Relaxed) + 1 == messages {
                    all_completed.notify_one();
                }
            }
        });
    }
    all_completed.notified().await;
    let elapsed = started.elapsed();
    if RUNS.load(Ordering::Relaxed) < load.messages.get() {
        return Err("jobs were completed that never ran".into());
    }
    let jobs = if setting.removes() { "removed" } else { "kept" };
    let setting = format!("{} worker(s) of concurrency {each}, acknowledged, completed jobs {jobs}", setting.workers());
    report(load, elapsed, &setting);
    Ok(())
}

async fn noop(_job: Job, _cancelled: bullmq::worker::CancellationToken) -> Result<Value, bullmq::Error> {
    RUNS.fetch_add(1, Ordering::Relaxed);
    Ok(Value::Null)
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages are far below 2^52")]
fn report(load: &Load, elapsed: Duration, setting: &str) {
    let per_second = load.messages.get() as f64 / elapsed.as_secs_f64();
    println!("{}", serde_json::json!({ "per_second": per_second, "setting": setting }));
}
