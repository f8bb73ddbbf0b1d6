//! Leases: who is alive, and what becomes of those who come too late.

use std::sync::Arc;

use ltq_core::broker::{Broker, Recovery, WorkerId};

use super::{Hand, LONG, SHORT, Sender, dead, done, messages, payloads, queue, stats, until_expired};

/// A registered worker holds its lease by renewing; one that never registered holds none.
pub async fn a_renewed_lease_is_held(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut worker = Hand::new(&broker, &queue, SHORT);
    worker.take(0).await;
    let renewal = broker.renew(&queue, &worker.id, LONG).await.unwrap();
    assert!(renewal.held);
    assert!(renewal.expired.is_empty(), "it is alone");
    assert!(!broker.renew(&queue, &WorkerId::new(), LONG).await.unwrap().held);
    assert_eq!(stats(&broker, &queue).await.workers, 1, "renewing does not register");
}

/// The workers whose lease ran out are reported to the others, and nobody else is.
pub async fn only_leases_that_ran_out_are_reported(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let (mut short, mut long) = (Hand::new(&broker, &queue, SHORT), Hand::new(&broker, &queue, LONG));
    let mut watcher = Hand::new(&broker, &queue, LONG);
    short.take(0).await;
    long.take(0).await;
    watcher.take(0).await;
    until_expired(&watcher, &short.id).await;
    let renewal = broker.renew(&queue, &watcher.id, LONG).await.unwrap();
    assert!(renewal.held);
    assert_eq!(renewal.expired, [short.id]);
}

/// A renewal tells when to look again for the dead.
pub async fn the_next_expiry_is_told(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let (mut watcher, mut other) = (Hand::new(&broker, &queue, LONG), Hand::new(&broker, &queue, LONG * 2));
    watcher.take(0).await;
    assert_eq!(broker.renew(&queue, &watcher.id, LONG).await.unwrap().next_expiry, None);
    other.take(0).await;
    let next = broker.renew(&queue, &watcher.id, LONG).await.unwrap().next_expiry.unwrap();
    assert!(next <= LONG * 2 && next > LONG, "{next:?}");
}

/// A worker whose lease ran out while nobody looked keeps what it holds, by a renewal or by a turn.
pub async fn a_late_worker_that_was_not_recovered_goes_on(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(2)).await;
    let (mut late, mut watcher) = (Hand::new(&broker, &queue, SHORT), Hand::new(&broker, &queue, LONG));
    watcher.take(0).await;
    let held = late.take(2).await;

    until_expired(&watcher, &late.id).await;
    assert!(broker.renew(&queue, &late.id, LONG).await.unwrap().held);
    let recovered = broker.recover(&queue, &late.id, Recovery::Expired).await.unwrap();
    assert_eq!((recovered.messages, recovered.more), (0, false));
    late.settle(done(&held[..1])).await;

    until_expired(&watcher, &late.id).await;
    late.settle(done(&held[1..])).await;
    assert_eq!(stats(&broker, &queue).await.counts.done, 2);
}

/// A worker that was recovered is told so: it gets nothing, its results are refused and counted, and its messages
/// belong to another.
pub async fn a_recovered_worker_is_lost(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(3);
    Sender::new(&broker, &queue).send(&sent).await;
    let (mut late, mut other) = (Hand::new(&broker, &queue, SHORT), Hand::new(&broker, &queue, LONG));
    other.take(0).await;
    let held = late.take(2).await;
    until_expired(&other, &late.id).await;
    assert_eq!(broker.recover(&queue, &late.id, Recovery::Expired).await.unwrap().messages, 2);
    let taken = other.take(2).await;
    assert_eq!(payloads(&taken), sent[..2]);

    let mut results = done(&held[..1]);
    results.push(dead(&held[1]));
    let reply = late.turn(results, 10).await;
    assert!(reply.lost);
    assert_eq!(reply.refused, 2);
    assert!(reply.taken.is_empty());
    assert!(!broker.renew(&queue, &late.id, LONG).await.unwrap().held);
    let between = stats(&broker, &queue).await;
    assert_eq!((between.ready, between.active, between.dead, between.workers), (1, 2, 0, 1));
    assert_eq!((between.counts.done, between.counts.refused), (0, 2));

    other.settle(done(&taken)).await;
    assert_eq!(stats(&broker, &queue).await.counts.done, 2);
}

/// A lost worker goes on as a new incarnation; results it has from before are refused also there.
pub async fn a_lost_worker_comes_back_under_a_new_name(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(1);
    Sender::new(&broker, &queue).send(&sent).await;
    let (mut late, mut watcher) = (Hand::new(&broker, &queue, SHORT), Hand::new(&broker, &queue, LONG));
    watcher.take(0).await;
    let held = late.take(1).await;
    until_expired(&watcher, &late.id).await;
    broker.recover(&queue, &late.id, Recovery::Expired).await.unwrap();
    assert!(late.turn(Vec::new(), 1).await.lost);

    let mut again = Hand::new(&broker, &queue, LONG);
    let reply = again.turn(done(&held), 1).await;
    assert_eq!((reply.lost, reply.refused), (false, 1));
    assert_eq!(payloads(&reply.taken), sent);
    again.settle(done(&reply.taken)).await;
}
