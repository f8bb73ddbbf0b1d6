//! How a message leaves the hands of a worker.

use std::sync::Arc;
use std::time::Duration;

use ltq_core::broker::{Broker, End, Place, Settlement};
use ltq_core::message::{DeadLetter, DeadReason};

use super::{Hand, LONG, Sender, dead, done, message_with_id, messages, payloads, queue, stats};

/// A message that is done is nowhere any more.
pub async fn done_removes(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(3)).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(10).await;
    worker.settle(done(&held)).await;
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.ready, stats.scheduled, stats.active, stats.dead), (0, 0, 0, 0));
    assert_eq!(stats.counts.done, 3);
}

/// A retry waits for its delay with the content the worker gave it.
pub async fn retry_waits_with_its_new_content(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(1)).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(1).await;
    let reply = worker.settle(vec![held[0].retry(message_with_id(held[0].id, 77), LONG)]).await;
    assert!(reply.next_due.is_some_and(|due| due <= LONG));
    let waiting = stats(&broker, &queue).await;
    assert_eq!((waiting.ready, waiting.scheduled, waiting.active), (0, 1, 0));

    // A second one whose time comes soon.
    Sender::new(&broker, &queue).send(&messages(1)).await;
    let held = worker.take(1).await.remove(0);
    let changed = message_with_id(held.id, 78);
    worker.settle(vec![held.retry(changed.clone(), Duration::from_millis(20))]).await;
    let (again, _) = worker.drain(1).await.remove(0);
    assert_eq!((again.id, again.payload), (held.id, changed));
}

/// What a worker hands back unfinished is taken before everything else, in the order in which it was handed back.
pub async fn returned_messages_are_first_again_in_order(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(6);
    Sender::new(&broker, &queue).send(&sent).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(4).await;
    let back = held[1..].iter().map(|held| held.hand_back(held.payload.clone()));
    worker.settle(back.collect()).await;

    let taken = Hand::new(&broker, &queue, LONG).take(10).await;
    assert_eq!(payloads(&taken), sent[1..]);
    assert!(taken.iter().all(|delivered| delivered.recoveries == 0), "a hand-back is not a crash");
}

/// A dead letter keeps what is needed to understand it and to run it again.
pub async fn dead_is_kept_with_its_reason(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(1);
    Sender::new(&broker, &queue).send(&sent).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(1).await.remove(0);
    let id = held.id;
    let letter = DeadLetter::new(id, DeadReason::Rejected, "no such repository: größe", 4, sent[0].clone());
    let reply = worker.settle(vec![held.dead(letter.clone())]).await;

    let kept = broker.dead_letter(&queue, id).await.unwrap().unwrap();
    assert_eq!(kept.died_at_ms, reply.now_ms);
    let mut expected = letter;
    expected.died_at_ms = reply.now_ms;
    assert_eq!(kept, expected);
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.active, stats.dead, stats.counts.dead), (0, 1, 1));
}

/// A message is settled once; what comes later is refused, also within one turn.
pub async fn a_second_settlement_is_refused(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(2)).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(2).await;
    let twice = vec![held[0].done(), dead(&held[0])];
    assert_eq!(worker.turn(twice, 0).await.refused, 1);
    assert_eq!(worker.turn(done(&held), 0).await.refused, 1);
    let retry = held[1].retry(held[1].payload.clone(), Duration::ZERO);
    assert_eq!(worker.turn(vec![retry], 0).await.refused, 1);

    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.ready, stats.scheduled, stats.active, stats.dead), (0, 0, 0, 0));
    assert_eq!((stats.counts.done, stats.counts.dead, stats.counts.retried, stats.counts.refused), (2, 0, 0, 3));
}

/// Only the worker that holds a message can settle it.
pub async fn only_the_holder_settles(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(1)).await;
    let (mut holder, mut other) = (Hand::new(&broker, &queue, LONG), Hand::new(&broker, &queue, LONG));
    let held = holder.take(1).await;
    let unknown = Settlement::new(Place { turn: 7, index: 7 }, End::Done);
    let reply = other.turn(vec![held[0].done(), dead(&held[0]), unknown], 0).await;
    assert_eq!((reply.lost, reply.refused), (false, 3));
    holder.settle(done(&held)).await;
    assert_eq!(stats(&broker, &queue).await.counts.done, 1);
}

/// The counts tell how messages ended and how often they came back.
pub async fn each_outcome_is_counted(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(10)).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(10).await;
    let settlements = held.iter().enumerate().map(|(nth, held)| match nth {
        0..4 => held.done(),
        4..7 => dead(held),
        7..9 => held.retry(held.payload.clone(), LONG),
        _ => held.hand_back(held.payload.clone()),
    });
    worker.settle(settlements.collect()).await;
    let mut turn = worker.next_turn(Vec::new(), 0);
    turn.discarded = 5;
    broker.turn(&turn).await.unwrap();

    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.ready, stats.scheduled, stats.active, stats.dead, stats.workers), (1, 2, 0, 3, 1));
    let counts = stats.counts;
    assert_eq!((counts.done, counts.dead, counts.retried, counts.returned), (4, 3, 2, 1));
    assert_eq!((counts.refused, counts.recovered, counts.trimmed), (5, 0, 0));
}
