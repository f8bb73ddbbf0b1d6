//! A server at its `maxmemory` takes no messages, and lets workers make room.

use ltq_core::broker::{BrokerError, Recovery};
use ltq_core::message::{DeadLetter, DeadReason};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn workers_take_settle_renew_and_recover_without_memory() {
    let server = RedisServer::start();
    let (broker, client) = (broker(&server).await, bare(&server).await);
    publish(broker.as_ref(), 10).await;
    let (worker, dying) = (WorkerId::new(), WorkerId::new());
    let mut short = turn(&dying, 1, 2, Vec::new());
    short.lease = Duration::from_millis(1);
    let lost: Vec<_> = broker.turn(&short).await.unwrap().taken.iter().map(|lost| lost.id).collect();
    command(&client, "CONFIG", &["SET", "maxmemory", "1"]).await;
    // Scripts that the server forgot have to be sent again, too.
    command(&client, "SCRIPT", &["FLUSH"]).await;

    let refused = broker.publish(&batch(ProducerId::new(), 1, [envelope().1], Due::Now)).await.unwrap_err();
    assert!(matches!(refused, BrokerError::OutOfMemory { .. }) && !refused.is_transient(), "{refused:?}");

    let taken = broker.turn(&turn(&worker, 1, 5, Vec::new())).await.unwrap().taken;
    assert_eq!(taken.len(), 5);
    assert!(broker.renew(&queue(), &worker, LEASE).await.unwrap().held);
    let (id, payload) = (|nth: usize| taken[nth].id, |nth: usize| taken[nth].payload.clone());
    let settlements = vec![
        taken[0].done(),
        taken[1].retry(payload(1), LEASE),
        taken[2].hand_back(payload(2)),
        taken[3].dead(DeadLetter::new(id(3), DeadReason::Failed, "no", 1, payload(3))),
    ];
    assert_eq!(broker.turn(&turn(&worker, 2, 0, settlements)).await.unwrap().refused, 0);
    assert_eq!(broker.recover(&queue(), &dying, Recovery::Expired).await.unwrap().messages, 2);
    let next = broker.turn(&turn(&worker, 3, 3, Vec::new())).await.unwrap().taken;
    assert_eq!(
        next[..2].iter().map(|next| (next.id, next.recoveries)).collect::<Vec<_>>(),
        [(lost[0], 1), (lost[1], 1)]
    );
    assert_eq!(next[2].id, id(2));
    assert!(broker.replay(&queue(), id(3), payload(3)).await.unwrap());
    broker.recover(&queue(), &worker, Recovery::Leaving).await.unwrap();
    let stats = broker.stats(&queue()).await.unwrap();
    assert_eq!((stats.ready, stats.scheduled, stats.active, stats.dead, stats.counts.done), (8, 1, 0, 0, 1));

    command(&client, "CONFIG", &["SET", "maxmemory", "0"]).await;
    broker.publish(&batch(ProducerId::new(), 1, [envelope().1], Due::Now)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_new_to_a_queue_makes_room() {
    let server = RedisServer::start();
    publish(broker(&server).await.as_ref(), 3).await;
    let client = bare(&server).await;
    command(&client, "CONFIG", &["SET", "maxmemory", "1"]).await;
    let other = broker(&server).await;
    let worker = WorkerId::new();
    let taken = other.turn(&turn(&worker, 1, 3, Vec::new())).await.unwrap().taken;
    assert_eq!(taken.len(), 3);
    assert_eq!(other.turn(&turn(&worker, 2, 0, done(&taken))).await.unwrap().refused, 0);
    assert_eq!(other.stats(&queue()).await.unwrap().counts.done, 3);
}
