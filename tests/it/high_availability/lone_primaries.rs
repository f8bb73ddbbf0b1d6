//! A cluster whose primaries have no replicas: while one is away the queues on the others go on, and when it is back so do
//! its own.

use std::time::{Duration, Instant};

use ltq::Client;
use ltq_tests::bare;
use ltq_tests::conformance::eventually;
use ltq_tests::redis_cluster::Cluster;
use ltq_tests::redis_server::RedisServer;
use ltq_tests::tasks::{self, LEASE_MS};

use super::Scene;
use super::cluster::{queues, work_on};
use crate::support::stop;

/// After what time a cluster gives up on a server, unless it is told otherwise.
const NODE_TIMEOUT_MS: u32 = 15_000;
/// The lease of a worker, unless it is told otherwise.
const LEASE: &str = "8000";
/// How long the primary is away, in seconds: longer than two leases, and than a cluster takes to give up on it. A longer time
/// can be set in the environment: `LTQ_TEST_AWAY_S=60`.
const AWAY_S: u64 = 22;

#[tokio::test(flavor = "multi_thread")]
async fn the_others_go_on_while_a_primary_is_killed() {
    let mut cluster = Cluster::without_replicas(NODE_TIMEOUT_MS, false).await;
    // The first of the address.
    let scene = others_go_on(&mut cluster, 0, |server| server.kill(), |server| server.restart()).await;
    assert_eq!(scene.read().duplicates(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_go_on_while_a_primary_is_frozen() {
    let mut cluster = Cluster::without_replicas(NODE_TIMEOUT_MS, false).await;
    // The one that has the list of queues.
    let (lost, _) = cluster.home("ltq:queues").await;
    others_go_on(&mut cluster, lost, |server| server.pause(), |server| server.resume()).await;
}

/// Sends to the queues on the other primaries while one is away. The messages have to be done meanwhile, and the worker's
/// leases to hold.
async fn others_go_on(
    cluster: &mut Cluster,
    lost: usize,
    goes: impl Fn(&mut RedisServer),
    comes: impl Fn(&mut RedisServer),
) -> Scene {
    let scene = Scene::new(cluster.url()).await;
    let queues = queues(cluster).await;
    let mut worker = scene.worker().args(["--queues", &queues.join(",")]).env(LEASE_MS, LEASE).start();
    for queue in &queues {
        scene.client.send(work_on(queue, format!("before {queue}"))).await.unwrap();
    }
    scene.ledger_shows(|ledger| ledger.finished() == queues.len()).await;
    let others: Vec<_> = queues.iter().enumerate().filter(|(index, _)| *index != lost).collect();
    let mut holders = Vec::new();
    for (index, queue) in &others {
        holders.push(holder(cluster, *index, queue).await.0);
    }

    goes(&mut cluster.servers[lost]);
    let (gone, mut sent) = (Instant::now(), queues.len());
    let away = std::env::var("LTQ_TEST_AWAY_S").ok().and_then(|text| text.parse().ok()).unwrap_or(AWAY_S);
    let mut longest = Duration::ZERO;
    while gone.elapsed() < Duration::from_secs(away) {
        let began = Instant::now();
        for (place, (index, queue)) in others.iter().enumerate() {
            scene.client.send(work_on(queue, format!("{queue} {sent}"))).await.unwrap();
            sent += 1;
            let (name, left) = holder(cluster, *index, queue).await;
            assert_eq!(name, holders[place], "the worker had to start anew on {queue}");
            assert!(left > 0, "the lease on {queue} ran out {left} ms ago");
        }
        scene.ledger_shows(|ledger| ledger.finished() >= sent).await;
        longest = longest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    eprintln!("{} messages went through the others, two at a time, the slowest in {longest:?}", sent - queues.len());

    comes(&mut cluster.servers[lost]);
    scene.client.send(work_on(&queues[lost], "afterwards")).await.unwrap();
    scene.ledger_shows(|ledger| ledger.runs("afterwards").finished > 0).await;
    stop(&mut worker).await;
    scene
}

/// The worker on a queue, and how many milliseconds its lease has left.
async fn holder(cluster: &Cluster, index: usize, queue: &str) -> (String, i64) {
    let client = bare::connect(cluster.servers[index].port()).await;
    let range = bare::call(&client, &format!("ZRANGE {{ltq:{queue}}}:holders 0 -1 WITHSCORES")).await;
    let holders: Vec<String> = range.convert().unwrap();
    let time: Vec<i64> = bare::call(&client, "TIME").await.convert().unwrap();
    let [name, ends] = &holders[..] else { panic!("one worker was expected on {queue}: {holders:?}") };
    (name.clone(), ends.parse::<i64>().unwrap() - (time[0] * 1_000 + time[1] / 1_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_wants_every_slot_is_named_and_waited_for() {
    let mut cluster = Cluster::without_replicas(1_000, true).await;
    let scene = Scene::new(cluster.url()).await;
    let queues = queues(&cluster).await;
    let lost = queues.iter().position(|queue| queue == tasks::QUEUE).unwrap();
    let other = &queues[(lost + 1) % queues.len()];
    let mut worker = scene.worker().args(["--queues", &queues.join(",")]).start();
    scene.client.send(work_on(other, "before")).await.unwrap();
    scene.ledger_shows(|ledger| ledger.finished() == 1).await;
    cluster.servers[lost].kill();
    let impatient = Client::builder().send_timeout(Duration::from_secs(2)).connect(&cluster.url()).await.unwrap();
    // Until the cluster has found out that a server is gone, it serves the other queues.
    let error = eventually(async || impatient.send(work_on(other, "meanwhile")).await.err()).await;
    assert!(error.to_string().contains("`cluster-require-full-coverage no`"), "{error}");

    cluster.servers[lost].restart();
    for queue in &queues {
        scene.client.send(work_on(queue, format!("afterwards {queue}"))).await.unwrap();
        scene.ledger_shows(|ledger| ledger.runs(format!("afterwards {queue}")).finished == 1).await;
    }
    stop(&mut worker).await;
}
