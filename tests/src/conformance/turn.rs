//! Taking messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ltq_core::broker::{Broker, Recovery, Turn};

use super::{Hand, LONG, Sender, done, in_time, message, messages, payloads, queue, stats};

/// A turn takes up to `want` messages, none for 0, and tells whether ready ones are left.
pub async fn takes_no_more_than_wanted_and_says_what_is_left(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut worker = Hand::new(&broker, &queue, LONG);
    let empty = worker.turn(Vec::new(), 10).await;
    assert!(empty.taken.is_empty() && !empty.more && !empty.lost && empty.next_due.is_none());

    let sent = messages(5);
    Sender::new(&broker, &queue).send(&sent).await;
    let none = worker.turn(Vec::new(), 0).await;
    assert!(none.taken.is_empty() && none.more);
    let some = worker.turn(Vec::new(), 3).await;
    assert_eq!(payloads(&some.taken), sent[..3]);
    assert!(some.more);
    let rest = worker.turn(Vec::new(), 3).await;
    assert_eq!(payloads(&rest.taken), sent[3..]);
    assert!(!rest.more);
    assert_eq!(stats(&broker, &queue).await.active, 5);
}

/// A message in the hands of one worker is not given to another.
pub async fn what_one_worker_holds_no_other_gets(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(4);
    Sender::new(&broker, &queue).send(&sent).await;
    let (mut one, mut other) = (Hand::new(&broker, &queue, LONG), Hand::new(&broker, &queue, LONG));
    assert_eq!(payloads(&one.take(2).await), sent[..2]);
    assert_eq!(payloads(&other.take(10).await), sent[2..]);
    assert!(one.take(10).await.is_empty());
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.ready, stats.active, stats.workers), (0, 4, 2));
}

/// A turn whose reply was lost is made again: the same messages come, nothing is settled or taken twice.
pub async fn a_repeat_gives_the_same_and_changes_nothing(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(10)).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(3).await;

    let turn = worker.next_turn(done(&held[..2]), 4);
    let first = broker.turn(&turn).await.unwrap();
    for _ in 0..3 {
        let again = broker.turn(&turn).await.unwrap();
        assert!(!again.lost);
        assert_eq!(again.taken, first.taken);
    }
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.ready, stats.active, stats.counts.done, stats.counts.refused), (3, 5, 2, 0));

    let rest = worker.turn(done(&first.taken), 10).await;
    assert_eq!((rest.refused, rest.taken.len()), (0, 3));
}

/// The turn that registers a worker may be repeated like any other.
pub async fn a_repeated_first_turn_gives_the_same(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Sender::new(&broker, &queue).send(&messages(5)).await;
    let turn = Hand::new(&broker, &queue, LONG).next_turn(Vec::new(), 2);
    let first = broker.turn(&turn).await.unwrap();
    let again = broker.turn(&turn).await.unwrap();
    assert_eq!(again.taken, first.taken);
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.ready, stats.active, stats.workers), (3, 2, 1));
}

/// A turn may settle and take as many messages as the contract says.
pub async fn the_largest_turn_fits(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut sender = Sender::new(&broker, &queue);
    let (first, second) = (messages(1_000), messages(1_000));
    sender.send(&first).await;
    sender.send(&second).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(Turn::MAX_WANT).await;
    assert_eq!(payloads(&held), first);
    assert_eq!(held.len(), Turn::MAX_SETTLEMENTS);

    let turn = worker.next_turn(done(&held), Turn::MAX_WANT);
    let reply = broker.turn(&turn).await.unwrap();
    assert_eq!(reply.refused, 0);
    assert_eq!(payloads(&reply.taken), second);
    assert_eq!(broker.turn(&turn).await.unwrap().taken, reply.taken);
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.ready, stats.active, stats.counts.done), (0, 1_000, 1_000));
}

/// A broker that has not seen a worker's last turn has lost it, and with it what it settled and took. The worker starts
/// anew under another name, and what it holds in the eyes of the broker goes to whoever is next.
pub async fn a_missing_number_means_that_the_worker_starts_anew(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(3);
    Sender::new(&broker, &queue).send(&sent).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(2).await;
    worker.next_turn(Vec::new(), 0);
    let gap = worker.next_turn(done(&held), 10);
    for _ in 0..2 {
        let reply = broker.turn(&gap).await.unwrap();
        assert_eq!((reply.lost, reply.refused, reply.taken.len()), (true, 2, 0));
    }
    assert!(worker.turn(Vec::new(), 10).await.lost, "it stays lost");
    let counted = stats(&broker, &queue).await;
    assert_eq!((counted.active, counted.counts.done, counted.counts.refused), (2, 0, 2));

    let mut again = Hand::new(&broker, &queue, LONG);
    again.take(0).await;
    let expired = broker.renew(&queue, &again.id, LONG).await.unwrap().expired;
    assert_eq!(expired, [worker.id.clone()], "nobody has to wait for the lease");
    assert_eq!(broker.recover(&queue, &worker.id, Recovery::Expired).await.unwrap().messages, 2);
    assert_eq!(payloads(&again.take(10).await), sent);
}

/// Producers and workers at the same time: every message is taken once, none is lost.
pub async fn every_message_is_taken_exactly_once(broker: Arc<dyn Broker>) {
    const PRODUCERS: usize = 4;
    const BATCHES: usize = 25;
    const TOTAL: usize = PRODUCERS * BATCHES * 7;
    let queue = queue("q");
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|_| {
            let mut sender = Sender::new(&broker, &queue);
            tokio::spawn(async move {
                for _ in 0..BATCHES {
                    sender.send(&(0..7).map(message).collect::<Vec<_>>()).await;
                }
            })
        })
        .collect();
    let finished = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (3..7)
        .map(|want| {
            let mut worker = Hand::new(&broker, &queue, LONG);
            let finished = Arc::clone(&finished);
            tokio::spawn(in_time(async move {
                let (mut taken, mut settlements) = (Vec::new(), Vec::new());
                while finished.load(Ordering::SeqCst) < TOTAL {
                    let reply = worker.turn(settlements, want).await;
                    assert_eq!(reply.refused, 0);
                    settlements = done(&reply.taken);
                    finished.fetch_add(reply.taken.len(), Ordering::SeqCst);
                    taken.extend(reply.taken.into_iter().map(|delivered| delivered.id));
                    tokio::task::yield_now().await;
                }
                worker.settle(settlements).await;
                taken
            }))
        })
        .collect();
    for producer in producers {
        producer.await.unwrap();
    }
    let mut times = HashMap::new();
    for worker in workers {
        for id in worker.await.unwrap() {
            *times.entry(id).or_insert(0) += 1;
        }
    }
    assert_eq!(times.len(), TOTAL);
    assert!(times.values().all(|taken| *taken == 1), "a message was taken twice");
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.ready, stats.active), (0, 0));
    assert_eq!(stats.counts.done, u64::try_from(TOTAL).unwrap());
}
