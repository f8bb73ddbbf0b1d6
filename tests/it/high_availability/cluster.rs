//! Queues on several primaries: one worker serves them all, a primary is lost, a slot moves.

use std::collections::BTreeSet;
use std::time::Duration;

use ltq::Message;
use ltq_core::broker::{ConnectOptions, DeadLimits, Turn, WorkerId, connect};
use ltq_core::message::{DeadLetter, DeadReason, QueueName};
use ltq_tests::bare;
use ltq_tests::conformance::eventually;
use ltq_tests::redis_cluster::Cluster;
use ltq_tests::tasks;

use super::{Scene, replicated};
use crate::producer::Producer;
use crate::support::stop;

mod conformance {
    use ltq_tests::redis_cluster::Cluster;

    async fn servers() -> (Cluster, String) {
        let servers = Cluster::start().await;
        let url = servers.url();
        (servers, url)
    }

    ltq_tests::conformance!(shared servers);
}

/// One queue on each primary, the one of the test worker's tasks among them; sorted by primary.
pub(super) async fn queues(cluster: &Cluster) -> Vec<String> {
    let mut queues = vec![String::new(); 3];
    for name in std::iter::once(tasks::QUEUE.to_owned()).chain((0..).map(|number| format!("queue-{number}"))) {
        let (home, _) = cluster.home(&format!("{{ltq:{name}}}:ready")).await;
        if queues[home].is_empty() {
            queues[home] = name;
        }
        if queues.iter().all(|name| !name.is_empty()) {
            return queues;
        }
    }
    unreachable!("there is always another name");
}

pub(super) fn work_on(queue: &str, key: impl Into<String>) -> Message {
    tasks::work.message(key, 0).on_queue(queue.to_owned())
}

/// No server was ever asked for keys of several slots at once, and none was told to go on a way it was not asked to.
async fn assert_one_slot_each(cluster: &Cluster) {
    for server in &cluster.servers {
        let Ok(errors) = bare::ask(server.port(), "INFO errorstats").await else { continue };
        let errors = errors.as_string().unwrap();
        assert!(!errors.contains("CROSSSLOT"), "{errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_serves_queues_on_every_primary() {
    let cluster = Cluster::start().await;
    let scene = Scene::new(cluster.url()).await;
    let queues = queues(&cluster).await;
    let mut worker = scene.worker().args(["--queues", &queues.join(",")]).start();
    for round in 0..5 {
        for queue in &queues {
            scene.client.send(work_on(queue, format!("{queue} {round}"))).await.unwrap();
            scene
                .client
                .send(work_on(queue, format!("{queue} {round} later")).delay(Duration::from_millis(50)))
                .await
                .unwrap();
        }
        // Each wakes from its own wait.
        scene.ledger_shows(|ledger| ledger.finished() == (round + 1) * 2 * queues.len()).await;
    }
    scene.read().assert_each_once(5 * 2 * queues.len());
    let mut sorted = queues.clone();
    sorted.sort();
    let listed = scene.client.queues().await.unwrap();
    assert_eq!(listed.iter().map(ToString::to_string).collect::<Vec<_>>(), sorted);
    for queue in &queues {
        assert_eq!(scene.client.queue(queue).unwrap().stats().await.unwrap().counts.done, 10);
    }
    stop(&mut worker).await;
    assert!(!worker.output().contains("CROSSSLOT"), "{}", worker.output());

    // Dead letters, wherever they lie.
    let broker = connect(&cluster.url(), &ConnectOptions::default()).await.unwrap();
    for queue in &queues {
        scene.client.send(work_on(queue, "dies")).await.unwrap();
        let name = QueueName::new(queue).unwrap();
        let mut turn = Turn {
            queue: name.clone(),
            worker: WorkerId::new(),
            sequence: 1,
            lease: Duration::from_secs(60),
            settlements: Vec::new(),
            want: 1,
            backlog: false,
            full: false,
            discarded: 0,
            dead_limits: DeadLimits::default(),
        };
        let taken = broker.turn(&turn).await.unwrap().taken.remove(0);
        let letter = DeadLetter::new(taken.id, DeadReason::Failed, "no luck", 1, taken.payload.clone());
        turn.sequence = 2;
        turn.settlements = vec![taken.dead(letter.clone())];
        broker.turn(&turn).await.unwrap();
        assert_eq!(broker.dead_letters(&name, 0, 10).await.unwrap().len(), 1);
        assert!(broker.replay(&name, letter.id, letter.payload).await.unwrap());
        assert_eq!(broker.clear(&name, 10).await.unwrap(), 1);
    }
    assert_one_slot_each(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_is_killed_under_load() {
    lose_a_primary(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_freezes_under_load() {
    lose_a_primary(true).await;
}

/// Loses the primary of the queue under load, while idle queues lie on the others.
async fn lose_a_primary(frozen: bool) {
    let mut cluster = Cluster::start().await;
    let scene = Scene::new(cluster.url()).await;
    let queues = queues(&cluster).await;
    let lost = queues.iter().position(|queue| queue == tasks::QUEUE).unwrap();
    let mut worker = scene.worker().args(["--queues", &queues.join(",")]).start();
    let producer = Producer::start(&scene.client);
    producer.accepts(200).await;
    // A worker that cannot connect at its start ends; this one has.
    scene.ledger_shows(|ledger| ledger.finished() > 100).await;
    replicated(&cluster.servers[lost], &cluster.servers[lost + 3]).await;
    if frozen {
        cluster.servers[lost].pause();
    } else {
        cluster.servers[lost].kill();
    }
    cluster.promoted(lost).await;
    scene.progress(if frozen { "cluster, primary frozen" } else { "cluster, primary killed" }).await;
    producer.accepts(200).await;
    if frozen {
        cluster.servers[lost].resume();
        producer.accepts(200).await;
    }
    let (mut accepted, failed) = producer.finish().await;
    // Idle queues, on the new primary's side and on the others', wake as promptly as before.
    for queue in &queues {
        scene.client.send(work_on(queue, format!("afterwards {queue}"))).await.unwrap();
        accepted.insert(format!("afterwards {queue}"));
    }
    scene.assert_all_ran(&accepted, failed).await;
    stop(&mut worker).await;
    assert!(!worker.output().contains("CROSSSLOT"), "{}", worker.output());
    assert_one_slot_each(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_moves_under_load_and_under_a_wait() {
    let cluster = Cluster::start().await;
    let scene = Scene::new(cluster.url()).await;
    let (from, slot) = cluster.home(&format!("{{ltq:{}}}:ready", tasks::QUEUE)).await;
    let mut worker = scene.worker().start();
    let producer = Producer::start(&scene.client);
    scene.ledger_shows(|ledger| ledger.finished() > 100).await;
    let mut accepted = BTreeSet::new();
    let mut home = from;
    for round in 0..3 {
        producer.accepts(100).await;
        let target = (home + 1) % 3;
        cluster.begin_move(slot, home, target).await;
        // Calls meet a queue that lies half here and half there.
        while cluster.move_keys(slot, home, target, 2).await > 0 {}
        cluster.end_move(slot, home, target).await;
        home = target;
        scene.progress(&format!("cluster, slot moved ({round})")).await;
    }
    producer.accepts(100).await;
    let (sent, failed) = producer.finish().await;
    accepted.extend(sent);
    assert_eq!(failed, 0);
    scene.assert_all_ran(&accepted, failed).await;

    // Under an idle worker, too: its wait goes with the queue.
    let target = (home + 1) % 3;
    let source = cluster.servers[home].port();
    eventually(async || {
        let clients = bare::ask(source, "INFO clients").await.ok()?.as_string()?;
        (bare::field(&clients, "blocked_clients")? != "0").then_some(())
    })
    .await;
    cluster.begin_move(slot, home, target).await;
    while cluster.move_keys(slot, home, target, 100).await > 0 {}
    cluster.end_move(slot, home, target).await;
    scene.client.send(tasks::work.message("afterwards", 0)).await.unwrap();
    accepted.insert("afterwards".to_owned());
    scene.assert_all_ran(&accepted, 0).await;
    stop(&mut worker).await;
    assert!(!worker.output().contains("CROSSSLOT"), "{}", worker.output());
    assert_one_slot_each(&cluster).await;
}
