//! A call whose reply was lost is repeated, and counts once.

use ltq_core::broker::{End, Place, Recovery};
use ltq_core::message::{DeadLetter, DeadReason};

use super::*;

/// The settlement of a message that no worker of these tests holds.
fn never_taken() -> Settlement {
    Settlement::new(Place { turn: 900, index: 7 }, End::Done)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_publish_enqueues_once() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    let producer = ProducerId::new();
    let first = batch(producer, 1, [envelope().1, envelope().1], Due::Now);
    let second = batch(producer, 2, [envelope().1], Due::After(LEASE));
    broker.publish(&first).await.unwrap();
    broker.publish(&first).await.unwrap();
    broker.publish(&second).await.unwrap();
    broker.publish(&second).await.unwrap();
    broker.publish(&first).await.unwrap();
    let stats = broker.stats(&queue()).await.unwrap();
    assert_eq!((stats.ready, stats.scheduled), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_turn_replies_the_same_and_settles_once() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    publish(broker.as_ref(), 1_300).await;
    let garbage = Bytes::from_static(b"garbage");
    broker.publish(&batch(ProducerId::new(), 1, [garbage.clone(), garbage], Due::Now)).await.unwrap();

    let worker = WorkerId::new();
    let first = turn(&worker, 1, 1_000, Vec::new());
    let reply = broker.turn(&first).await.unwrap();
    assert_eq!(reply.taken.len(), 1_000);
    assert!(reply.more);
    assert_eq!(broker.turn(&first).await.unwrap().taken, reply.taken);

    let mut settlements = done(&reply.taken[1..]);
    settlements.push(never_taken());
    let second = turn(&worker, 2, 1_000, settlements);
    let reply = broker.turn(&second).await.unwrap();
    assert_eq!((reply.taken.len(), reply.refused, reply.more), (302, 1, false));
    let made_up = (reply.taken[300].id, reply.taken[301].id);
    assert_ne!(made_up.0, made_up.1, "equal garbage is kept apart");
    let repeated = broker.turn(&second).await.unwrap();
    assert_eq!((repeated.taken, repeated.refused), (reply.taken, 1));

    let stats = broker.stats(&queue()).await.unwrap();
    assert_eq!((stats.active, stats.counts.done, stats.counts.refused), (303, 999, 1));
    let late = broker.turn(&first).await.unwrap_err();
    assert!(late.to_string().contains("turn 1"), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_turn_that_was_lost_is_counted_once() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    let late = turn(&WorkerId::new(), 7, 5, vec![never_taken(), never_taken()]);
    for _ in 0..3 {
        let reply = broker.turn(&late).await.unwrap();
        assert!(reply.lost && reply.refused == 2 && reply.taken.is_empty(), "{reply:?}");
    }
    assert_eq!(broker.stats(&queue()).await.unwrap().counts.refused, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_repeated_after_the_lease_was_lost_refuses_nothing_that_counted() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    publish(broker.as_ref(), 3).await;
    let worker = WorkerId::new();
    let taken = broker.turn(&turn(&worker, 1, 3, Vec::new())).await.unwrap().taken;
    let mut second = turn(&worker, 2, 0, done(&taken[..2]));
    second.lease = Duration::ZERO;
    assert!(!broker.turn(&second).await.unwrap().lost);
    // The reply is lost, and meanwhile the worker is taken for dead.
    assert_eq!(broker.recover(&queue(), &worker, Recovery::Expired).await.unwrap().messages, 1);
    let repeated = broker.turn(&second).await.unwrap();
    assert!(repeated.lost && repeated.refused == 0, "{repeated:?}");
    let stats = broker.stats(&queue()).await.unwrap();
    assert_eq!((stats.counts.done, stats.counts.refused, stats.ready, stats.workers), (2, 0, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_turn_repeated_after_the_lease_was_lost_takes_nothing() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    publish(broker.as_ref(), 1).await;
    let worker = WorkerId::new();
    let mut first = turn(&worker, 1, 1, Vec::new());
    first.lease = Duration::ZERO;
    assert_eq!(broker.turn(&first).await.unwrap().taken.len(), 1);
    assert_eq!(broker.recover(&queue(), &worker, Recovery::Expired).await.unwrap().messages, 1);
    let repeated = broker.turn(&first).await.unwrap();
    assert!(repeated.lost && repeated.taken.is_empty(), "{repeated:?}");
    let stats = broker.stats(&queue()).await.unwrap();
    assert_eq!((stats.ready, stats.active, stats.workers), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_turn_trims_once() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    publish(broker.as_ref(), 3).await;
    let worker = WorkerId::new();
    let taken = broker.turn(&turn(&worker, 1, 3, Vec::new())).await.unwrap().taken;
    let letters = taken
        .iter()
        .map(|taken| taken.dead(DeadLetter::new(taken.id, DeadReason::Failed, "no", 1, taken.payload.clone())));
    let mut second = turn(&worker, 2, 0, letters.collect());
    second.dead_limits = DeadLimits::new(1, LEASE);
    assert_eq!(broker.turn(&second).await.unwrap().trimmed, 2);
    assert_eq!(broker.turn(&second).await.unwrap().trimmed, 2);
    let stats = broker.stats(&queue()).await.unwrap();
    assert_eq!((stats.dead, stats.counts.dead, stats.counts.trimmed), (1, 3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_scripts_are_not_noticed() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    let client = bare(&server).await;
    let worker = WorkerId::new();
    publish(broker.as_ref(), 1).await;
    command(&client, "SCRIPT", &["FLUSH"]).await;
    let ids = publish(broker.as_ref(), 1).await;
    command(&client, "SCRIPT", &["FLUSH"]).await;
    let taken = broker.turn(&turn(&worker, 1, 2, Vec::new())).await.unwrap().taken;
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[1].id, ids[0]);
    command(&client, "SCRIPT", &["FLUSH"]).await;
    assert!(broker.renew(&queue(), &worker, LEASE).await.unwrap().held);
}

/// A server that may evict anything can lose a block. The worker goes on, and whoever recovers it is not stuck.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_the_server_has_lost_holds_up_nobody() {
    let server = RedisServer::start();
    let (broker, client) = (broker(&server).await, bare(&server).await);
    publish(broker.as_ref(), 120).await;
    let worker = WorkerId::new();
    let first = turn(&worker, 1, 100, Vec::new());
    assert_eq!(broker.turn(&first).await.unwrap().taken.len(), 100);
    command(&client, "DEL", &[&format!("{{ltq:q}}:block:{worker}:1")]).await;

    assert!(broker.turn(&first).await.unwrap().taken.is_empty());
    let taken = broker.turn(&turn(&worker, 2, 100, Vec::new())).await.unwrap().taken;
    assert_eq!(taken.len(), 20);
    let recovered = broker.recover(&queue(), &worker, Recovery::Leaving).await.unwrap();
    assert_eq!((recovered.messages, recovered.more), (20, false));
    let stats = broker.stats(&queue()).await.unwrap();
    assert_eq!((stats.ready, stats.active, stats.workers), (20, 0, 0));
}

/// Messages that take long stay in the hands of their worker while block after block goes by, whatever becomes of them.
#[tokio::test(flavor = "multi_thread")]
async fn slow_messages_outlive_their_blocks() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    publish(broker.as_ref(), 900).await;
    let worker = WorkerId::new();
    let (mut settlements, mut slow) = (Vec::new(), Vec::new());
    for sequence in 1..=9 {
        let reply = broker.turn(&turn(&worker, sequence, 100, settlements)).await.unwrap();
        assert_eq!((reply.refused, reply.taken.len()), (0, 100));
        settlements = done(&reply.taken[3..]);
        slow.extend(reply.taken[..3].iter().cloned());
    }
    broker.turn(&turn(&worker, 10, 0, settlements)).await.unwrap();
    let lists = command(&bare(&server).await, "KEYS", &[&format!("*:block:{worker}:*")]).await.into_array();
    assert!(lists.len() <= 4, "{lists:?}");
    assert_eq!(broker.stats(&queue()).await.unwrap().counts.done, 9 * 97);

    let ends = slow.iter().enumerate().map(|(nth, slow)| match nth % 3 {
        0 => slow.done(),
        1 => slow.hand_back(slow.payload.clone()),
        _ => slow.retry(slow.payload.clone(), LEASE),
    });
    assert_eq!(broker.turn(&turn(&worker, 11, 0, ends.collect())).await.unwrap().refused, 0);
    let stats = broker.stats(&queue()).await.unwrap();
    assert_eq!((stats.counts.done, stats.counts.returned, stats.counts.retried), (9 * 98, 9, 9));
    assert_eq!((stats.active, stats.ready, stats.scheduled), (0, 9, 9));
}
