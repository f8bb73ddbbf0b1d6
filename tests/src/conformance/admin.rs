//! Looking into a queue and repairing it.

use std::sync::Arc;
use std::time::Duration;

use ltq_core::broker::{Broker, DeadLimits, QueueStats, Recovery};
use ltq_core::message::{Due, MessageId, QueueName};

use super::{
    Hand, LONG, SHORT, Sender, dead, done, eventually, message_with_id, messages, payloads, queue, stats, until_expired,
};

/// Every queue that was published to is listed, sorted by name.
pub async fn queues_are_listed_sorted(broker: Arc<dyn Broker>) {
    assert!(broker.queues().await.unwrap().is_empty());
    for name in ["github", "größe", "a::b", "mail", "mail"] {
        Sender::new(&broker, &queue(name)).send(&messages(1)).await;
    }
    assert_eq!(broker.queues().await.unwrap(), ["a::b", "github", "größe", "mail"].map(queue));
}

/// Asking about a queue that does not exist is no error and does not make one.
pub async fn an_unknown_queue_is_all_zeros(broker: Arc<dyn Broker>) {
    let queue = queue("nobody");
    assert_eq!(stats(&broker, &queue).await, QueueStats::default());
    assert!(broker.dead_letters(&queue, 0, 10).await.unwrap().is_empty());
    assert_eq!(broker.dead_letter(&queue, MessageId::new()).await.unwrap(), None);
    assert!(!broker.delete_dead(&queue, MessageId::new()).await.unwrap());
    assert!(!broker.replay(&queue, MessageId::new(), messages(1).remove(0)).await.unwrap());
    assert!(broker.queues().await.unwrap().is_empty());
}

/// Dead letters are listed page by page, the latest first, and fetched by id.
pub async fn dead_letters_are_listed_latest_first(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut latest_first = bury(&broker, &queue, 7, DeadLimits::default()).await;
    latest_first.reverse();

    let listed = broker.dead_letters(&queue, 0, 100).await.unwrap();
    assert_eq!(listed.iter().map(|letter| letter.id).collect::<Vec<_>>(), latest_first);
    assert!(listed.is_sorted_by(|one, next| one.died_at_ms >= next.died_at_ms));
    let page = broker.dead_letters(&queue, 2, 3).await.unwrap();
    assert_eq!(page, listed[2..5]);
    assert!(broker.dead_letters(&queue, 7, 3).await.unwrap().is_empty());
    assert!(broker.dead_letters(&queue, 0, 0).await.unwrap().is_empty());
    assert_eq!(broker.dead_letter(&queue, latest_first[3]).await.unwrap().as_ref(), Some(&listed[3]));
    assert_eq!(broker.dead_letter(&queue, MessageId::new()).await.unwrap(), None);
}

/// A replayed letter is ready again with the bytes given, and is no dead letter any more.
pub async fn a_dead_letter_is_replayed_once(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let ids = bury(&broker, &queue, 2, DeadLimits::default()).await;
    let afresh = message_with_id(ids[0], 99);
    assert!(broker.replay(&queue, ids[0], afresh.clone()).await.unwrap());
    assert!(!broker.replay(&queue, ids[0], afresh.clone()).await.unwrap());
    let between = stats(&broker, &queue).await;
    assert_eq!((between.ready, between.dead), (1, 1));

    let mut worker = Hand::new(&broker, &queue, LONG);
    let taken = worker.take(10).await;
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].id, &taken[0].payload), (ids[0], &afresh));
    // It may die and be replayed again.
    worker.settle(vec![dead(&taken[0])]).await;
    assert!(broker.replay(&queue, ids[0], afresh).await.unwrap());
}

/// A deleted letter is gone.
pub async fn a_dead_letter_is_deleted_once(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let ids = bury(&broker, &queue, 2, DeadLimits::default()).await;
    assert!(broker.delete_dead(&queue, ids[0]).await.unwrap());
    assert!(!broker.delete_dead(&queue, ids[0]).await.unwrap());
    assert!(!broker.replay(&queue, ids[0], messages(1).remove(0)).await.unwrap());
    assert_eq!(broker.dead_letter(&queue, ids[0]).await.unwrap(), None);
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.ready, stats.dead), (0, 1));
}

/// Clearing deletes ready and scheduled messages; what a worker holds and dead letters stay.
pub async fn clearing_deletes_what_waits_and_nothing_else(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    assert_eq!(broker.clear(&queue, 10).await.unwrap(), 0);
    assert!(broker.queues().await.unwrap().is_empty(), "clearing a queue does not make one");
    bury(&broker, &queue, 1, DeadLimits::default()).await;
    let mut sender = Sender::new(&broker, &queue);
    sender.send(&messages(3)).await;
    sender.send_due(messages(2).into_iter().map(|payload| (payload, Due::After(LONG)))).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(1).await;

    assert_eq!(broker.clear(&queue, 10).await.unwrap(), 4);
    assert_eq!(broker.clear(&queue, 10).await.unwrap(), 0);
    let left = stats(&broker, &queue).await;
    assert_eq!((left.ready, left.scheduled, left.active, left.dead), (0, 0, 1, 1));
    worker.settle(done(&held)).await;
}

/// One call deletes no more than asked and no more than 500: ready ones from the head, then the earliest scheduled.
pub async fn clearing_ends_at_its_limit(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut sender = Sender::new(&broker, &queue);
    let ready = messages(600);
    sender.send(&ready).await;
    sender.send_due(messages(2).into_iter().map(|payload| (payload, Due::After(LONG)))).await;
    assert_eq!(broker.clear(&queue, 0).await.unwrap(), 0);
    assert_eq!(broker.clear(&queue, 99).await.unwrap(), 99);
    assert_eq!(broker.clear(&queue, 10_000).await.unwrap(), 500);
    let mut worker = Hand::new(&broker, &queue, LONG);
    let last = worker.take(10).await;
    assert_eq!(payloads(&last), ready[599..]);
    worker.settle(vec![last[0].hand_back(last[0].payload.clone())]).await;
    assert_eq!(broker.clear(&queue, 2).await.unwrap(), 2);
    let left = stats(&broker, &queue).await;
    assert_eq!((left.ready, left.scheduled), (0, 1));
}

/// The recoveries of a message that was cleared are forgotten with it.
pub async fn a_cleared_message_has_no_past(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut sender = Sender::new(&broker, &queue);
    let payload = messages(1);
    sender.send(&payload).await;
    let mut lost = Hand::new(&broker, &queue, SHORT);
    assert_eq!(lost.take(1).await.len(), 1);
    let mut worker = Hand::new(&broker, &queue, LONG);
    worker.take(0).await;
    until_expired(&worker, &lost.id).await;
    broker.recover(&queue, &lost.id, Recovery::Expired).await.unwrap();

    assert_eq!(broker.clear(&queue, 10).await.unwrap(), 1);
    sender.send(&payload).await;
    let again = worker.take(1).await;
    assert_eq!((again.len(), again[0].recoveries), (1, 0));
}

/// More dead letters than allowed are trimmed, the oldest first; it is told and counted.
pub async fn the_count_of_dead_letters_is_bounded(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let limits = DeadLimits::new(3, LONG);
    let ids = bury(&broker, &queue, 8, limits).await;
    let kept = eventually(|| async {
        let mut worker = Hand::new(&broker, &queue, LONG);
        worker.limits = limits;
        worker.take(0).await;
        let kept = broker.dead_letters(&queue, 0, 100).await.unwrap();
        (kept.len() <= 3).then_some(kept)
    })
    .await;
    assert_eq!(kept.iter().map(|letter| letter.id).collect::<Vec<_>>(), [ids[7], ids[6], ids[5]]);
    assert_eq!(broker.dead_letter(&queue, ids[0]).await.unwrap(), None);
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.dead, stats.counts.dead, stats.counts.trimmed), (3, 8, 5));
}

/// Dead letters older than allowed are trimmed, the younger ones stay; it is told and counted.
pub async fn the_age_of_dead_letters_is_bounded(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    bury(&broker, &queue, 4, DeadLimits::default()).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    worker.limits = DeadLimits::new(100, LONG);
    assert_eq!(worker.turn(Vec::new(), 0).await.trimmed, 0);

    worker.limits = DeadLimits::new(100, Duration::from_millis(1));
    let mut trimmed = 0;
    while trimmed < 4 {
        // Each turn is a look at the broker's clock; the letters are a millisecond old soon.
        trimmed += worker.turn(Vec::new(), 0).await.trimmed;
        tokio::task::yield_now().await;
    }
    let stats = stats(&broker, &queue).await;
    assert_eq!((trimmed, stats.dead, stats.counts.trimmed), (4, 0, 4));
}

/// Sends `count` messages and lets them die one after the other; their ids in that order.
async fn bury(broker: &Arc<dyn Broker>, queue: &QueueName, count: u64, limits: DeadLimits) -> Vec<MessageId> {
    Sender::new(broker, queue).send(&messages(count)).await;
    let mut worker = Hand::new(broker, queue, LONG);
    worker.limits = limits;
    let held = worker.take(1_000).await;
    for held in &held {
        worker.settle(vec![dead(held)]).await;
    }
    held.iter().map(|held| held.id).collect()
}
