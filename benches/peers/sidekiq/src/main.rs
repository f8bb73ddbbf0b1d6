//! rusty-sidekiq, enqueuing and draining jobs that do nothing.
//!
//! What a reader would question: nothing is acknowledged. A job is popped before it runs, so the end of its run is all
//! there is to measure, and a crash loses what was running.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand, ValueEnum};
use sidekiq::{BalanceStrategy, Processor, ProcessorConfig, RedisConnectionManager, RedisPool, Worker, WorkerOpts};
use tokio::sync::Notify;
use tokio::task::JoinSet;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const QUEUE: &str = "peer";
/// How many tasks send at once, each with a connection: the library has no bulk.
const SENDERS: u32 = 100;

static RUNS: AtomicUsize = AtomicUsize::new(0);
static ALL_RAN: Notify = Notify::const_new();

/// Measures rusty-sidekiq on a Redis server that is running.
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
        /// How many jobs run at once.
        #[arg(long)]
        concurrency: NonZeroU32,
        /// How the pool of connections is set up.
        #[arg(long, value_enum, default_value = "pool-per-worker")]
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
    messages: NonZeroU32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Setting {
    /// A connection for each worker and a few more, not tested before each use: the fastest.
    PoolPerWorker,
    /// The same, tested with a PING before each use, as bb8 does unless told otherwise.
    Tested,
}

struct Noop {
    messages: usize,
}

#[async_trait::async_trait]
impl Worker<String> for Noop {
    fn opts() -> WorkerOpts<String, Self> {
        WorkerOpts::new().queue(QUEUE)
    }

    async fn perform(&self, _text: String) -> sidekiq::Result<()> {
        if RUNS.fetch_add(1, Ordering::Relaxed) + 1 == self.messages {
            ALL_RAN.notify_one();
        }
        Ok(())
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
    let redis = pool(load, SENDERS, false).await?;
    let messages = load.messages.get();
    let mut senders = JoinSet::new();
    let started = Instant::now();
    for sender in 0..SENDERS {
        let share = messages / SENDERS + u32::from(sender < messages % SENDERS);
        let redis = redis.clone();
        senders.spawn(async move {
            for _ in 0..share {
                Noop::perform_async(&redis, "x".repeat(80)).await?;
            }
            Ok::<(), sidekiq::Error>(())
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    report(load, started.elapsed(), "perform_async from 100 tasks over 100 connections");
    Ok(())
}

async fn drain(load: &Load, concurrency: u32, setting: Setting) -> Result<(), BoxError> {
    let (tested, how) = match setting {
        Setting::PoolPerWorker => (false, "not tested before use"),
        Setting::Tested => (true, "tested before each use"),
    };
    // Beyond the workers, the processor's own routines use a few.
    let connections = concurrency + 10;
    let redis = pool(load, connections, tested).await?;
    let workers = usize::try_from(concurrency)?;
    // There is one queue, so there is nothing to balance.
    let config = ProcessorConfig::default().num_workers(workers).balance_strategy(BalanceStrategy::None);
    let mut processor = Processor::new(redis, vec![QUEUE.to_owned()]).with_config(config);
    processor.register(Noop { messages: usize::try_from(load.messages.get())? });
    let started = Instant::now();
    tokio::spawn(processor.run());
    ALL_RAN.notified().await;
    let setting = format!("{workers} workers, {connections} connections {how}, no acknowledgements");
    report(load, started.elapsed(), &setting);
    Ok(())
}

async fn pool(load: &Load, connections: u32, tested: bool) -> Result<RedisPool, BoxError> {
    let manager = RedisConnectionManager::new(load.url.as_str())?;
    let pool = bb8::Pool::builder().max_size(connections).min_idle(connections).test_on_check_out(tested);
    Ok(pool.build(manager).await?)
}

fn report(load: &Load, elapsed: Duration, setting: &str) {
    let per_second = f64::from(load.messages.get()) / elapsed.as_secs_f64();
    println!("{}", serde_json::json!({ "per_second": per_second, "setting": setting }));
}
