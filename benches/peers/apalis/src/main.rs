//! apalis with apalis-redis, enqueuing and draining tasks that do nothing.
//!
//! What a reader would question: tasks are moved from the schedule into the ready list before the clock starts. Version
//! 1.0.0 pushes every task into its schedule and promotes all due ones in one `unpack`, which Lua refuses from 8,000 on;
//! with a longer backlog its worker ends at once. The move is what the library's own script does, in parts.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use apalis::layers::WorkerBuilderExt as _;
use apalis::prelude::{BoxDynError, TaskSink as _, WorkerBuilder, WorkerContext};
use apalis_redis::{Config, ConnectionManager, RedisStorage};
use clap::{Args, Parser, Subcommand, ValueEnum};

const QUEUE: &str = "peer";
/// Tasks of one `push_bulk`.
const CHUNK: usize = 1_000;

static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Measures apalis on a Redis server that is running.
#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts tasks on the queue.
    Enqueue(Job),
    /// Runs the tasks of the queue.
    Drain {
        #[command(flatten)]
        job: Job,
        /// How many tasks run at once.
        #[arg(long)]
        concurrency: NonZeroUsize,
        /// How the worker is set up.
        #[arg(long, value_enum, default_value = "batch-1000")]
        setting: Setting,
    },
}

#[derive(Args)]
struct Job {
    /// The address of the server.
    #[arg(long)]
    url: String,
    /// How many tasks.
    #[arg(long)]
    messages: NonZeroUsize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Setting {
    /// Batches of 1,000, no leases, no events: the fastest.
    #[value(name = "batch-1000")]
    Batch1000,
    /// The same with batches of 4,000.
    #[value(name = "batch-4000")]
    Batch4000,
    /// What the library does unless told otherwise: batches of 10, leases and events.
    Defaults,
}

impl Setting {
    fn config(self) -> (Config, &'static str) {
        let config = Config::default().queue(QUEUE);
        let lean = |config: Config| config.lock_tasks(false).emit_events(false);
        match self {
            Self::Batch1000 => (lean(config).batch_size(1_000), "batches of 1,000, no leases, no events, results kept"),
            Self::Batch4000 => (lean(config).batch_size(4_000), "batches of 4,000, no leases, no events, results kept"),
            Self::Defaults => (config, "the library's defaults: batches of 10, leases, events, results kept"),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxDynError> {
    match Program::parse().command {
        Command::Enqueue(job) => enqueue(&job).await,
        Command::Drain { job, concurrency, setting } => drain(&job, concurrency.get(), setting).await,
    }
}

async fn enqueue(job: &Job) -> Result<(), BoxDynError> {
    let connection = apalis_redis::connect(job.url.as_str()).await?;
    let config = Config::default().queue(QUEUE).emit_events(false);
    let mut storage = RedisStorage::<String>::new(connection).with_config(config);
    let started = Instant::now();
    let mut left = job.messages.get();
    while left > 0 {
        let count = left.min(CHUNK);
        storage.push_bulk(vec!["x".repeat(80); count]).await?;
        left -= count;
    }
    report(job, started.elapsed(), "push_bulk of 1,000, no events");
    Ok(())
}

async fn drain(job: &Job, concurrency: usize, setting: Setting) -> Result<(), BoxDynError> {
    let mut connection = apalis_redis::connect(job.url.as_str()).await?;
    promote(&mut connection).await?;
    let (config, how) = setting.config();
    let storage = RedisStorage::<String>::new(connection).with_config(config);
    let messages = job.messages.get();
    let worker = WorkerBuilder::new("peer").backend(storage).concurrency(concurrency).build(
        move |_text: String, worker: WorkerContext| async move {
            if RUNS.fetch_add(1, Ordering::Relaxed) + 1 == messages {
                worker.stop()?;
            }
            Ok::<(), BoxDynError>(())
        },
    );
    let started = Instant::now();
    // It ends after the acknowledgements of the last tasks.
    worker.run().await?;
    report(job, started.elapsed(), &format!("{how}, acknowledged; schedule emptied into the ready list beforehand"));
    Ok(())
}

/// Does for a long backlog what `fetch_next.lua` can only do for a short one.
async fn promote(connection: &mut ConnectionManager) -> Result<(), BoxDynError> {
    let config = Config::default().queue(QUEUE);
    loop {
        let due: Vec<(String, f64)> =
            redis::cmd("ZPOPMIN").arg(config.scheduled_jobs_set()).arg(1_000).query_async(connection).await?;
        if due.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = due.into_iter().map(|(id, _)| id).collect();
        redis::cmd("RPUSH").arg(config.active_jobs_list()).arg(ids).query_async::<()>(connection).await?;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages are far below 2^52")]
fn report(job: &Job, elapsed: Duration, setting: &str) {
    let per_second = job.messages.get() as f64 / elapsed.as_secs_f64();
    println!("{}", serde_json::json!({ "per_second": per_second, "setting": setting }));
}
