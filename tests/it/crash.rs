//! Worker processes die without a word: nothing is lost, and a message that kills its workers is stopped.

use std::time::{Duration, Instant};

use ltq::DeadReason;
use ltq_tests::program::PATIENCE;
use ltq_tests::tasks::{self, LEASE_MS, MAX_RECOVERIES, QUEUE};
use nix::sys::signal::Signal;

use crate::support::{Stage, stop, work};

/// What is promised: the messages of a killed worker are done by others within this time.
const RECOVERY: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_one_of_two_workers_loses_nothing() {
    let stage = Stage::new().await;
    stage.client.send_bulk(work(2_000, 5)).await.unwrap();
    let mut survivor = stage.worker().args(["--concurrency", "4"]).start();
    let mut victim = stage.worker().args(["--concurrency", "4"]).start();
    victim.wait_for("worker started").await;
    stage.stats_show(|stats| stats.workers == 2 && stats.counts.done >= 200).await;

    victim.signal(Signal::SIGKILL);
    let killed = Instant::now();
    stage.ledger_shows(|ledger| ledger.is_done(2_000)).await;
    let took = killed.elapsed();
    assert!(took < RECOVERY, "{took:?} from the kill until the last message was done");
    assert!(!victim.wait_exit(PATIENCE).await.success());

    stage.assert_all_gone(2_000).await;
    let stats = stage.stats().await;
    assert!(stats.counts.recovered > 0, "the victim held something: {stats:?}");
    assert_eq!((stats.workers, stats.counts.refused), (1, 0), "{stats:?}");
    // Only what the victim held may have run twice.
    let twice = stage.read().duplicates();
    assert!(u64::try_from(twice.len()).unwrap() <= stats.counts.recovered, "{twice:?}");
    stop(&mut survivor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_its_workers_ends_as_a_dead_letter() {
    let stage = Stage::new().await;
    let id = stage.client.send(tasks::kill_worker.message("killer")).await.unwrap();
    stage.client.send_bulk(work(20, 0)).await.unwrap();
    // One at a time, so that no other message is in the hands of a worker that dies.
    let worker = || stage.worker().args(["--concurrency", "1"]).env(LEASE_MS, "300").env(MAX_RECOVERIES, "2").start();
    for _ in 0..3 {
        let mut killed = worker();
        assert_eq!(killed.wait_exit(PATIENCE).await.code(), None, "{}", killed.output());
    }
    let mut last = worker();
    let stats = stage.stats_show(|stats| stats.dead == 1 && stats.counts.done == 20).await;
    assert_eq!((stats.counts.recovered, stats.ready, stats.active), (3, 0, 0), "{stats:?}");
    stop(&mut last).await;

    let letter = stage.client.queue(QUEUE).unwrap().dead_letters().get(id).await.unwrap().unwrap();
    assert_eq!(letter.reason, DeadReason::Crashed);
    assert!(letter.error.contains('3'), "{letter:?}");
    assert_eq!(stage.read().runs("killer").started, 3);
}
