//! Worker processes are asked to stop: nothing is lost, nothing is charged an attempt.

use std::fs::File;

use ltq::Message;
use ltq_tests::program::{PATIENCE, Program};
use ltq_tests::tasks;
use nix::sys::signal::Signal;

use crate::support::{Stage, stop};

const RUNNING: usize = 100;
const ALL: usize = 1_100;

/// A server with 1,100 messages, 100 of them running in a worker that was started with `args`.
async fn busy(args: &[&str]) -> (Stage, Program) {
    let stage = Stage::new().await;
    stage.client.send_bulk(messages(&stage)).await.unwrap();
    let worker = stage.worker().args(["--concurrency", &RUNNING.to_string()]).args(args).start();
    stage.ledger_shows(|ledger| ledger.started() == RUNNING).await;
    let stats = stage.stats().await;
    assert_eq!((stats.active, stats.ready), (100, 1_000), "{stats:?}");
    (stage, worker)
}

/// Each runs until the gate `open` is there.
fn messages(stage: &Stage) -> impl Iterator<Item = Message> {
    let gate = stage.gate("open").to_str().unwrap().to_owned();
    (0..ALL).map(move |number| tasks::hold.message(key(number), gate.as_str()))
}

fn key(number: usize) -> String {
    format!("{number:04}")
}

/// Lets a new worker do what is left, one at a time, and returns the order in which it did. Fails if a message was charged
/// an attempt: it would be in the ledger twice, under two keys.
async fn do_the_rest(stage: &Stage) -> Vec<String> {
    let before = stage.start_order().len();
    File::create(stage.gate("open")).unwrap();
    let mut worker = stage.worker().args(["--concurrency", "1"]).start();
    stage.assert_all_gone(ALL.try_into().unwrap()).await;
    stop(&mut worker).await;
    stage.read().assert_all_done(ALL);
    stage.start_order().split_off(before)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_finished_and_what_waits_stays() {
    let (stage, mut worker) = busy(&[]).await;
    worker.signal(Signal::SIGTERM);
    worker.wait_for("stopping").await;
    File::create(stage.gate("open")).unwrap();
    worker.expect_exit(PATIENCE, 0).await;
    let stats = stage.stats().await;
    assert_eq!((stats.counts.done, stats.ready, stats.active, stats.workers), (100, 1_000, 0, 0), "{stats:?}");
    assert_eq!(stats.counts.returned, 0, "{stats:?}");

    do_the_rest(&stage).await;
    stage.read().assert_each_once(ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_goes_back_to_the_head() {
    let (stage, mut worker) = busy(&["--shutdown-timeout", "100ms"]).await;
    worker.signal(Signal::SIGTERM);
    worker.expect_exit(PATIENCE, 0).await;
    assert_handed_back(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_hands_back_at_once() {
    // Longer than the test waits for the end.
    let (stage, mut worker) = busy(&["--shutdown-timeout", "1h"]).await;
    worker.signal(Signal::SIGTERM);
    worker.wait_for("stopping").await;
    worker.signal(Signal::SIGTERM);
    worker.expect_exit(PATIENCE, 0).await;
    assert_handed_back(&stage).await;
}

/// The 100 are back in front of the 1,000, all in the order in which they were sent.
async fn assert_handed_back(stage: &Stage) {
    let stats = stage.stats().await;
    assert_eq!((stats.counts.done, stats.ready, stats.active, stats.workers), (0, 1_100, 0, 0), "{stats:?}");
    assert_eq!((stats.counts.returned, stats.counts.recovered), (100, 0), "{stats:?}");
    let order = do_the_rest(stage).await;
    assert_eq!(order, (0..ALL).map(key).collect::<Vec<_>>());
}
