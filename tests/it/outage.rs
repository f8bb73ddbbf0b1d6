//! The server stops, forgets or drops connections while a worker works: the worker goes on and nothing is lost.

use std::fs::File;
use std::time::Duration;

use ltq::Client;
use ltq_tests::program::PATIENCE;
use ltq_tests::redis_server::RedisServer;
use ltq_tests::tasks::{self, LEASE_MS};
use nix::sys::signal::Signal;

use crate::producer::Producer;
use crate::support::{Stage, command, stop, work};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_stopped_and_started_in_the_middle() {
    let mut stage = Stage::with(RedisServer::options().appendonly()).await;
    let mut worker = stage.worker().args(["--concurrency", "20"]).start();
    // A worker that finds nobody when it starts ends; it is to live through what comes after that.
    worker.wait_for("worker started").await;
    let timeout = Duration::from_millis(500);
    let client = Client::builder().send_timeout(timeout).connect(&stage.server.url()).await.unwrap();
    let producer = Producer::start(&client);

    producer.accepts(200).await;
    stage.server.stop();
    producer.fails().await;
    stage.server.restart();
    producer.accepts(200).await;
    stage.server.kill();
    producer.fails().await;
    stage.server.restart();
    producer.accepts(200).await;
    let (accepted, failed) = producer.finish().await;

    stage.ledger_shows(|ledger| accepted.iter().all(|key| ledger.runs(key).finished > 0)).await;
    stage.stats_show(|stats| stats.ready + stats.scheduled + stats.active == 0).await;
    // A send that failed may have been queued, but no message twice.
    let ledger = stage.read();
    assert!(ledger.finished() <= accepted.len() + failed, "{} of {}", ledger.finished(), accepted.len());
    assert!(ledger.is_done(ledger.finished()));
    assert_eq!(ledger.duplicates(), []);
    assert!(worker.is_running());
    stop(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_comes_back_empty() {
    let mut stage = Stage::new().await;
    let mut worker = stage.worker().start();
    stage.client.send(tasks::work.message("before", 0)).await.unwrap();
    stage.assert_all_gone(1).await;
    stage.server.restart();
    // The worker is unknown there now, and registers anew.
    stage.client.send_bulk(work(100, 1)).await.unwrap();
    stage.assert_all_gone(100).await;
    stage.read().assert_each_once(101);
    assert!(worker.is_running());
    stop(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_stops_while_the_server_is_away() {
    let mut stage = Stage::with(RedisServer::options().appendonly()).await;
    let mut worker = stage.worker().env(LEASE_MS, "1000").start();
    let gate = stage.gate("open");
    stage.client.send(tasks::hold.message("held", gate.to_str().unwrap())).await.unwrap();
    stage.ledger_shows(|ledger| ledger.started() == 1).await;
    stage.server.stop();
    worker.signal(Signal::SIGTERM);
    worker.wait_for("stopping").await;
    File::create(gate).unwrap();
    worker.expect_exit(PATIENCE, 0).await;

    // What could not be settled is not lost: it runs again once the lease is over.
    stage.server.restart();
    let mut next = stage.worker().env(LEASE_MS, "1000").start();
    stage.assert_all_gone(1).await;
    assert_eq!(stage.read().runs("held").finished, 2);
    stop(&mut next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_scripts_are_not_noticed() {
    let stage = Stage::new().await;
    let mut worker = stage.worker().args(["--concurrency", "20", "--log-level", "warn"]).start();
    let producer = Producer::start(&stage.client);
    for _ in 0..5 {
        producer.accepts(100).await;
        command(&stage.server, "SCRIPT", &["FLUSH"]).await;
    }
    producer.accepts(100).await;
    let (accepted, failed) = producer.finish().await;
    assert_eq!(failed, 0);
    stage.assert_all_gone(accepted.len().try_into().unwrap()).await;
    stage.read().assert_each_once(accepted.len());
    stop(&mut worker).await;
    assert_eq!(worker.output(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_killed_again_and_again() {
    let stage = Stage::new().await;
    let mut worker = stage.worker().args(["--concurrency", "20"]).start();
    stage.client.send_bulk(work(1_000, 5)).await.unwrap();
    for done in 1..=8 {
        stage.stats_show(|stats| stats.counts.done >= done * 100).await;
        command(&stage.server, "CLIENT", &["KILL", "TYPE", "normal"]).await;
    }
    stage.assert_all_gone(1_000).await;
    // An idle worker is cut off from its queues too, and comes back to the next message.
    command(&stage.server, "CLIENT", &["KILL", "TYPE", "normal"]).await;
    stage.client.send(tasks::work.message("afterwards", 0)).await.unwrap();
    stage.assert_all_gone(1_001).await;
    stage.read().assert_each_once(1_001);
    assert_eq!(stage.stats().await.counts.refused, 0);
    stop(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_go_on_while_connections_are_killed() {
    let stage = Stage::new().await;
    let mut worker = stage.worker().args(["--concurrency", "20"]).start();
    // A worker whose very first connection is cut does not start.
    stage.stats_show(|stats| stats.workers == 1).await;
    let producer = Producer::start(&stage.client);
    for _ in 0..8 {
        producer.accepts(50).await;
        command(&stage.server, "CLIENT", &["KILL", "TYPE", "normal"]).await;
    }
    producer.accepts(50).await;
    let (accepted, failed) = producer.finish().await;
    assert_eq!(failed, 0);
    stage.assert_all_gone(accepted.len().try_into().unwrap()).await;
    stage.read().assert_each_once(accepted.len());
    stop(&mut worker).await;
}
