//! A worker never goes silent: when it makes no progress it is not ready any more, and then its process ends.

use std::time::Duration;

use ltq::{Client, Task, Worker};
use ltq_tests::conformance::eventually;
use ltq_tests::program::PATIENCE;
use ltq_tests::redis_server::RedisServer;
use ltq_tests::tasks::{self, LEASE_MS, WATCHDOG_MS};

use crate::support::{Running, Stage};

/// What sysexits calls a software error.
const STALLED: i32 = 70;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_away_for_too_long_ends_the_process() {
    let mut stage = Stage::new().await;
    let mut worker = stage.worker().env(LEASE_MS, "500").env(WATCHDOG_MS, "1000").start();
    worker.wait_for("worker started").await;
    stage.server.stop();
    worker.expect_exit(PATIENCE, STALLED).await;
    assert!(worker.output().contains("the broker could not be reached"), "{}", worker.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_block_every_thread_for_good_end_the_process() {
    let stage = Stage::new().await;
    let mut worker = stage.worker().env(LEASE_MS, "500").env(WATCHDOG_MS, "1000").start();
    stage.client.send_bulk((0..64).map(|key| tasks::block_thread.message(key.to_string()))).await.unwrap();
    worker.expect_exit(PATIENCE, STALLED).await;
    assert!(worker.output().contains("made no progress"), "{}", worker.output());
}

#[ltq::task(queue = "watched")]
async fn watched() {}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_server() {
    let mut server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let worker = Worker::for_tasks("w", [watched::DEF]).lease(Duration::from_millis(500));
    let worker = worker.watchdog(Duration::from_secs(8));
    let health = worker.health();
    let ready = async |wanted| eventually(async || (health.is_ready() == wanted).then_some(())).await;
    assert!(!health.is_ready());
    let running = Running::start(worker, &client);
    ready(true).await;
    server.stop();
    ready(false).await;
    server.restart();
    ready(true).await;
    running.stop().await;
    assert!(!health.is_ready());
}
