//! A worker process is frozen for longer than its lease and goes on later: what it finished late does not count.

use std::fs::File;

use ltq_tests::program::PATIENCE;
use ltq_tests::tasks::{self, LEASE_MS};
use nix::sys::signal::Signal;

use crate::support::{Stage, stop};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_wakes_after_its_lease_is_refused_and_goes_on_anew() {
    let stage = Stage::new().await;
    let gate = |name: &str| stage.gate(name).to_str().unwrap().to_owned();
    let (cancelled, late) = (["c0", "c1"], ["l0", "l1"]);
    let messages = cancelled.map(|key| tasks::hold_until_cancelled.message(key, gate("cancelled")));
    stage.client.send_bulk(messages).await.unwrap();
    stage.client.send_bulk(late.map(|key| tasks::hold.message(key, gate("late")))).await.unwrap();
    let worker = || stage.worker().env(LEASE_MS, "1000").start();

    let mut stalled = worker();
    stage.ledger_shows(|ledger| ledger.started() == 4).await;
    stalled.signal(Signal::SIGSTOP);

    // Another one gets all four as their second delivery, and finishes them.
    let mut other = worker();
    stage.ledger_shows(|ledger| ledger.duplicates().len() == 4).await;
    File::create(gate("cancelled.2")).unwrap();
    File::create(gate("late.2")).unwrap();
    stage.stats_show(|stats| stats.counts.done == 4).await;
    stop(&mut other).await;

    // Of the first deliveries two end as soon as their worker goes on, two when they are told that it lost them.
    File::create(gate("late.1")).unwrap();
    stalled.signal(Signal::SIGCONT);
    let stats = stage.stats_show(|stats| stats.counts.refused >= 4).await;
    assert_eq!((stats.counts.refused, stats.counts.done, stats.counts.recovered), (4, 4, 4), "{stats:?}");
    let ledger = stage.read();
    for key in cancelled {
        assert_eq!(ledger.runs(key).finished, 1, "{key}: by the other worker only");
        assert_eq!(ledger.runs(format!("{key} cancelled")).finished, 1, "{key}: told to stop");
    }
    for key in late {
        assert_eq!(ledger.runs(key).finished, 2, "{key}: by both");
    }

    // The worker that stalled is the only one left, and works on.
    stage.client.send(tasks::work.message("afterwards", 0)).await.unwrap();
    stage.assert_all_gone(5).await;
    assert!(stalled.is_running());
    assert_eq!(stage.read().runs("afterwards").finished, 1);
    stalled.signal(Signal::SIGTERM);
    stalled.expect_exit(PATIENCE, 0).await;
    assert_eq!(stage.stats().await.workers, 0);
}
