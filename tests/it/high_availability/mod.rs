//! Servers that stand in for each other, encrypted connections, users with few permissions: a worker goes on by itself,
//! and mistakes are named.

mod acl;
mod cluster;
mod lone_primaries;
mod sentinel;
mod tls;

use std::time::{Duration, Instant};

use ltq::Client;
use ltq_core::broker::QueueStats;
use ltq_tests::bare;
use ltq_tests::conformance::eventually;
use ltq_tests::ledger::{Ledger, LedgerFile};
use ltq_tests::program::{Builder, Program};
use ltq_tests::redis_server::RedisServer;
use ltq_tests::tasks::{LEASE_MS, QUEUE};
use tempfile::TempDir;

/// A client of the servers at an address, and a ledger for worker processes.
struct Scene {
    client: Client,
    ledger: LedgerFile,
    url: String,
    _dir: TempDir,
}

impl Scene {
    async fn new(url: String) -> Self {
        let dir = TempDir::with_prefix("ltq-test-").unwrap();
        let client = Client::builder().send_timeout(Duration::from_secs(30)).connect(&url).await.unwrap();
        let ledger = LedgerFile::open(dir.path().join("ledger")).unwrap();
        Self { client, ledger, url, _dir: dir }
    }

    /// A worker process that is to be started. Its lease outlives whatever the test does, so nothing runs twice.
    fn worker(&self) -> Builder {
        Program::new(env!("CARGO_BIN_EXE_test-worker"))
            .args(["--url", &self.url, "--concurrency", "20"])
            .env(LedgerFile::ENV, self.ledger.path())
            .env(LEASE_MS, "120000")
    }

    fn read(&self) -> Ledger {
        self.ledger.read().unwrap()
    }

    /// Waits until the ledger is as wanted.
    async fn ledger_shows(&self, wanted: impl Fn(&Ledger) -> bool) {
        eventually(async || wanted(&self.read()).then_some(())).await;
    }

    /// Waits until the numbers of the queue are as wanted.
    async fn stats_show(&self, wanted: impl Fn(&QueueStats) -> bool) -> QueueStats {
        crate::support::stats_show(&self.client, QUEUE, wanted).await
    }

    /// Waits for progress after servers have become able to serve again, and prints how long that took.
    async fn progress(&self, what: &str) {
        let (began, before) = (Instant::now(), self.read().finished());
        self.ledger_shows(|ledger| ledger.finished() > before).await;
        eprintln!("{what}: the first message was done {:?} after the servers could serve again", began.elapsed());
    }

    /// Asserts that whatever was accepted has run, once, and that what was refused ran at most once.
    async fn assert_all_ran(&self, accepted: &std::collections::BTreeSet<String>, failed: usize) {
        self.ledger_shows(|ledger| accepted.iter().all(|key| ledger.runs(key).finished > 0)).await;
        self.stats_show(|stats| stats.ready + stats.scheduled + stats.active == 0).await;
        let ledger = self.read();
        assert!(ledger.finished() <= accepted.len() + failed, "{} of {}", ledger.finished(), accepted.len());
        assert!(ledger.is_done(ledger.finished()));
        assert_eq!(ledger.duplicates(), []);
    }
}

/// Holds back whatever writes, and waits until the replica has all that was acknowledged, so that losing the primary within
/// the next seconds loses nothing.
async fn replicated(primary: &RedisServer, replica: &RedisServer) {
    bare::ask(primary.port(), "CLIENT PAUSE 10000 WRITE").await.unwrap();
    eventually(async || {
        let sent = bare::ask(primary.port(), "INFO replication").await.ok()?.as_string()?;
        let received = bare::ask(replica.port(), "INFO replication").await.ok()?.as_string()?;
        (bare::field(&sent, "master_repl_offset")? == bare::field(&received, "slave_repl_offset")?).then_some(())
    })
    .await;
}
