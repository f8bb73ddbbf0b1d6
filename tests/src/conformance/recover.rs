//! Returning the messages of the dead, and one's own.

use std::sync::Arc;
use std::time::Duration;

use ltq_core::broker::{Broker, Recovered, Recovery};

use super::{Hand, LONG, SHORT, Sender, done, message, messages, payloads, queue, stats, until_expired};

/// Recovering a worker whose lease runs, or one nobody knows, does nothing.
pub async fn a_live_worker_is_left_alone(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(2)).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(2).await;
    assert_eq!(broker.recover(&queue, &worker.id, Recovery::Expired).await.unwrap(), Recovered::default());
    let unknown = Hand::new(&broker, &queue, LONG).id;
    for recovery in [Recovery::Expired, Recovery::Leaving] {
        assert_eq!(broker.recover(&queue, &unknown, recovery).await.unwrap(), Recovered::default());
    }
    worker.settle(done(&held)).await;
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.counts.recovered, stats.counts.returned, stats.counts.done), (0, 0, 2));
}

/// Recovered messages are taken before everything else, in the order in which they were taken.
pub async fn messages_go_to_the_head_in_their_order(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(60);
    Sender::new(&broker, &queue).send(&sent).await;
    let (mut dying, mut other) = (Hand::new(&broker, &queue, SHORT), Hand::new(&broker, &queue, LONG));
    other.take(0).await;
    dying.take(50).await;
    until_expired(&other, &dying.id).await;
    let recovered = broker.recover(&queue, &dying.id, Recovery::Expired).await.unwrap();
    assert_eq!((recovered.messages, recovered.more), (50, false));
    assert_eq!(payloads(&other.take(100).await), sent);
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.workers, stats.counts.recovered), (1, 50));
}

/// A message knows how often its worker died, also after a retry, so that it can be stopped when that is too often.
pub async fn each_recovery_is_counted_on_the_message(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(1)).await;
    let mut watcher = Hand::new(&broker, &queue, LONG);
    watcher.take(0).await;
    for recoveries in 0..3 {
        let mut dying = Hand::new(&broker, &queue, SHORT);
        assert_eq!(dying.take(1).await[0].recoveries, recoveries);
        until_expired(&watcher, &dying.id).await;
        assert_eq!(broker.recover(&queue, &dying.id, Recovery::Expired).await.unwrap().messages, 1);
    }
    let turn = watcher.next_turn(Vec::new(), 1);
    let first = broker.turn(&turn).await.unwrap().taken;
    let held = first[0].clone();
    assert_eq!(held.recoveries, 3);
    assert_eq!(broker.turn(&turn).await.unwrap().taken, first, "a repeated turn tells it too");

    let delay = Duration::from_millis(20);
    watcher.settle(vec![held.retry(held.payload.clone(), delay)]).await;
    let (again, _) = watcher.drain(1).await.remove(0);
    assert_eq!((again.id, again.recoveries), (held.id, 3));
    assert_eq!(stats(&broker, &queue).await.counts.recovered, 3);
}

/// A worker that leaves gives back what it holds, in order; that is no crash, and the worker is gone.
pub async fn leaving_is_not_counted_on_the_message(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(3);
    Sender::new(&broker, &queue).send(&sent).await;
    let mut leaving = Hand::new(&broker, &queue, LONG);
    leaving.take(2).await;
    let recovered = broker.recover(&queue, &leaving.id, Recovery::Leaving).await.unwrap();
    assert_eq!((recovered.messages, recovered.more), (2, false));
    let between = stats(&broker, &queue).await;
    assert_eq!((between.ready, between.active, between.workers), (3, 0, 0));
    assert_eq!((between.counts.recovered, between.counts.returned), (0, 2));

    let taken = Hand::new(&broker, &queue, LONG).take(10).await;
    assert_eq!(payloads(&taken), sent);
    assert!(taken.iter().all(|delivered| delivered.recoveries == 0));
    assert!(leaving.turn(Vec::new(), 1).await.lost);
}

/// A worker that held very many messages is recovered in several bounded calls, and none is lost.
pub async fn a_large_holding_takes_several_calls(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut sender = Sender::new(&broker, &queue);
    let mut sent = Vec::new();
    for _ in 0..2 {
        let batch: Vec<_> = (0..700).map(message).collect();
        sender.send(&batch).await;
        sent.extend(batch);
    }
    let (mut dying, mut other) = (Hand::new(&broker, &queue, SHORT), Hand::new(&broker, &queue, LONG));
    other.take(0).await;
    assert_eq!(dying.take(700).await.len(), 700);
    assert_eq!(dying.take(700).await.len(), 700);
    until_expired(&other, &dying.id).await;

    let (mut messages, mut calls) = (0, 0);
    loop {
        let recovered = broker.recover(&queue, &dying.id, Recovery::Expired).await.unwrap();
        messages += recovered.messages;
        calls += 1;
        if !recovered.more {
            break;
        }
        assert!(recovered.messages > 0, "a call that leaves some does some");
    }
    assert_eq!(messages, 1_400);
    assert!(calls > 1);
    let mut taken = payloads(&other.take(1_000).await);
    taken.extend(payloads(&other.take(1_000).await));
    taken.sort();
    sent.sort();
    assert!(taken == sent, "some were lost or came twice");
}

/// Two workers that recover the same dead one at the same time return each message once.
pub async fn two_who_recover_return_each_message_once(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(100);
    Sender::new(&broker, &queue).send(&sent).await;
    let (mut dying, mut other) = (Hand::new(&broker, &queue, SHORT), Hand::new(&broker, &queue, LONG));
    other.take(0).await;
    dying.take(100).await;
    until_expired(&other, &dying.id).await;
    let (one, two) = tokio::join!(
        broker.recover(&queue, &dying.id, Recovery::Expired),
        broker.recover(&queue, &dying.id, Recovery::Expired),
    );
    assert_eq!(one.unwrap().messages + two.unwrap().messages, 100);
    let taken = other.take(1_000).await;
    assert_eq!(payloads(&taken), sent);
    assert!(taken.iter().all(|delivered| delivered.recoveries == 1));
}
