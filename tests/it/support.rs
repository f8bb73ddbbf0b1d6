//! What the tests of running workers share: a server with a ledger, worker processes and workers inside the test.

use std::path::PathBuf;
use std::time::Duration;

use fred::clients::Client as Bare;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, ServerConfig};
use fred::types::{ClusterHash, CustomCommand, Value};
use ltq::{Client, Message, Shutdown, Worker, WorkerError};
use ltq_core::broker::QueueStats;
use ltq_tests::conformance::eventually;
use ltq_tests::ledger::{Ledger, LedgerFile};
use ltq_tests::program::{Builder, PATIENCE, Program};
use ltq_tests::redis_server::{RedisOptions, RedisServer};
use ltq_tests::tasks::{self, QUEUE};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A server, a client of it, and a ledger for worker processes.
pub(crate) struct Stage {
    pub(crate) client: Client,
    pub(crate) ledger: LedgerFile,
    pub(crate) server: RedisServer,
    dir: TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(RedisServer::options()).await
    }

    pub(crate) async fn with(options: RedisOptions) -> Self {
        let dir = TempDir::with_prefix("ltq-test-").unwrap();
        let server = options.start();
        let client = Client::connect(&server.url()).await.unwrap();
        let ledger = LedgerFile::open(dir.path().join("ledger")).unwrap();
        Self { client, ledger, server, dir }
    }

    /// A worker process that is to be started.
    pub(crate) fn worker(&self) -> Builder {
        Program::new(env!("CARGO_BIN_EXE_test-worker"))
            .args(["--url", &self.server.url()])
            .env(LedgerFile::ENV, self.ledger.path())
    }

    /// A file that tasks can wait for.
    pub(crate) fn gate(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self) -> Ledger {
        self.ledger.read().unwrap()
    }

    /// The keys in the order in which they started.
    pub(crate) fn start_order(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.ledger.path()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("start ")).map(str::to_owned).collect()
    }

    pub(crate) async fn stats(&self) -> QueueStats {
        stats(&self.client, QUEUE).await
    }

    /// Waits until the ledger is as wanted.
    pub(crate) async fn ledger_shows(&self, wanted: impl Fn(&Ledger) -> bool) {
        eventually(async || wanted(&self.read()).then_some(())).await;
    }

    /// Waits until the numbers of the queue are as wanted.
    pub(crate) async fn stats_show(&self, wanted: impl Fn(&QueueStats) -> bool) -> QueueStats {
        stats_show(&self.client, QUEUE, wanted).await
    }

    /// Asserts that every one of `count` messages is done and the queue holds nothing.
    pub(crate) async fn assert_all_gone(&self, count: u64) {
        let stats = self.stats_show(|stats| stats.counts.done >= count).await;
        let left = (stats.ready, stats.scheduled, stats.active, stats.dead);
        assert_eq!((left, stats.counts.done), ((0, 0, 0, 0), count), "{stats:?}");
    }
}

/// Messages that take `millis` milliseconds each, with the keys 0 to `count - 1`.
pub(crate) fn work(count: u32, millis: u64) -> impl Iterator<Item = Message> {
    (0..count).map(move |key| tasks::work.message(key.to_string(), millis))
}

/// Asks a worker process to stop, and waits until it has.
pub(crate) async fn stop(worker: &mut Program) {
    worker.signal(Signal::SIGTERM);
    worker.expect_exit(PATIENCE, 0).await;
}

pub(crate) async fn stats(client: &Client, queue: &str) -> QueueStats {
    client.queue(queue).unwrap().stats().await.unwrap()
}

/// Waits until the numbers of a queue are as wanted. While the server is away there are none.
pub(crate) async fn stats_show(client: &Client, queue: &str, wanted: impl Fn(&QueueStats) -> bool) -> QueueStats {
    eventually(async || client.queue(queue).unwrap().stats().await.ok().filter(&wanted)).await
}

/// A bare connection, which sees nothing of the repairs of LTQ's.
pub(crate) async fn command(server: &RedisServer, name: &'static str, args: &[&str]) -> Value {
    let config = Config { server: ServerConfig::new_unix_socket(server.socket()), ..Config::default() };
    let client = Bare::new(config, None, None, None);
    client.init().await.unwrap();
    let args: Vec<Value> = args.iter().map(|arg| (*arg).into()).collect();
    let answer = client.custom(CustomCommand::new_static(name, ClusterHash::FirstKey, false), args).await;
    client.quit().await.unwrap();
    answer.unwrap()
}

/// A worker that runs inside the test.
pub(crate) struct Running {
    shutdown: Shutdown,
    worker: JoinHandle<Result<(), WorkerError>>,
}

impl Running {
    pub(crate) fn start(worker: Worker, client: &Client) -> Self {
        let shutdown = Shutdown::new();
        let worker = tokio::spawn(worker.run_until(client.clone(), shutdown.clone()));
        Self { shutdown, worker }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.request();
        self.ended().await.unwrap();
    }

    /// Stops it, and hands back what runs.
    pub(crate) async fn stop_now(self) {
        self.shutdown.request_now();
        self.ended().await.unwrap();
    }

    /// Waits until it has ended, and says how.
    pub(crate) async fn ended(self) -> Result<(), WorkerError> {
        let ended = tokio::time::timeout(Duration::from_secs(60), self.worker).await;
        ended.expect("the worker ends").unwrap()
    }
}
