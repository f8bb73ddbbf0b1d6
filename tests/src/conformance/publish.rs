//! Putting messages on a queue.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use ltq_core::broker::{Broker, BrokerError, Publish};
use ltq_core::message::{Due, Envelope, decode_args};

use super::{Hand, LONG, Sender, dead, in_time, message, messages, payloads, queue, stats};

/// The messages of a batch are taken in the order in which they were given.
pub async fn a_batch_is_taken_in_its_order(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(20);
    Sender::new(&broker, &queue).send(&sent).await;
    let taken = Hand::new(&broker, &queue, LONG).take(100).await;
    assert_eq!(payloads(&taken), sent);
    for delivered in &taken {
        assert_eq!(Envelope::decode(&delivered.payload).unwrap().id, delivered.id);
        assert_eq!(delivered.recoveries, 0);
    }
}

/// Producers that send at the same time are mixed, but the messages of each stay in order.
pub async fn each_producer_is_first_in_first_out(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let producers = (0..4_u64).map(|producer| {
        let mut sender = Sender::new(&broker, &queue);
        tokio::spawn(async move {
            for number in 0..50 {
                sender.send(&[message(producer * 1_000 + number)]).await;
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.unwrap();
    }
    let taken = Hand::new(&broker, &queue, LONG).take(1_000).await;
    for producer in 0..4 {
        let numbers = taken.iter().map(|delivered| number(&delivered.payload));
        let own: Vec<_> = numbers.filter(|number| number / 1_000 == producer).map(|number| number % 1_000).collect();
        assert_eq!(own, (0..50).collect::<Vec<_>>());
    }
}

/// Nobody sees a part of a batch.
pub async fn a_batch_is_visible_as_a_whole(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut worker = Hand::new(&broker, &queue, LONG);
    let first_seen = tokio::spawn(in_time(async move {
        loop {
            let taken = worker.take(1_000).await;
            if !taken.is_empty() {
                return taken;
            }
            tokio::task::yield_now().await;
        }
    }));
    let sent = messages(1_000);
    Sender::new(&broker, &queue).send(&sent).await;
    assert_eq!(payloads(&first_seen.await.unwrap()), sent);
}

/// A batch whose reply was lost is sent again under its number, and changes nothing; nor does a number before it.
pub async fn a_repeated_number_enqueues_once(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let (first, second, third) = (messages(3), messages(2), messages(1));
    let mut sender = Sender::new(&broker, &queue);
    sender.send(&first).await;
    sender.numbered(1).send(&first).await;
    sender.numbered(2).send(&second).await;
    sender.numbered(2).send(&second).await;
    sender.numbered(1).send(&first).await;
    sender.numbered(3).send(&third).await;
    let taken = Hand::new(&broker, &queue, LONG).take(100).await;
    assert_eq!(payloads(&taken), [first, second, third].concat());
    assert_eq!(stats(&broker, &queue).await.ready, 0);
}

/// The same number of another producer, or of the same producer on another queue, is not a repeat.
pub async fn numbers_count_per_producer_and_queue(broker: Arc<dyn Broker>) {
    let (one, other) = (queue("one"), queue("other"));
    let mut sender = Sender::new(&broker, &one);
    sender.send(&messages(1)).await;
    Sender::new(&broker, &one).send(&messages(1)).await;
    sender.to(&other).numbered(1).send(&messages(1)).await;
    assert_eq!(stats(&broker, &one).await.ready, 2);
    assert_eq!(stats(&broker, &other).await.ready, 1);
}

/// Bytes that are no envelope are delivered all the same, so that a worker can say what is wrong with them; two that
/// are equal do not hide each other.
pub async fn any_bytes_are_delivered_under_an_id_of_their_own(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let zeros = Bytes::from_static(&[0; 40]);
    let cut_off = message(1).slice(..19);
    let garbage = Bytes::from_static(b"\xff{\"json\": \"from another program\"}\r\n\0");
    let sent = [garbage.clone(), Bytes::new(), zeros.clone(), garbage, message(2), zeros, cut_off];
    Sender::new(&broker, &queue).send(&sent).await;

    let mut worker = Hand::new(&broker, &queue, LONG);
    let taken = worker.take(100).await;
    assert_eq!(payloads(&taken), sent);
    assert_eq!(taken.iter().map(|delivered| delivered.id).collect::<HashSet<_>>().len(), sent.len());

    worker.settle(taken.iter().map(dead).collect()).await;
    let mut kept: Vec<_> = broker.dead_letters(&queue, 0, 100).await.unwrap();
    kept.sort_by_key(|letter| taken.iter().position(|delivered| delivered.id == letter.id));
    assert_eq!(kept.into_iter().map(|letter| letter.payload).collect::<Vec<_>>(), sent);
    assert_eq!(stats(&broker, &queue).await.active, 0);
}

/// A batch may have as many messages as the contract says.
pub async fn the_largest_batch_fits(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(u64::try_from(Publish::MAX_ENTRIES).unwrap());
    Sender::new(&broker, &queue).send(&sent).await;
    assert_eq!(payloads(&Hand::new(&broker, &queue, LONG).take(1_000).await), sent);
}

/// A queue with as many waiting messages as the sender allows takes no more, and takes some again when there is room. The
/// repeat of a batch that was accepted is no new batch.
pub async fn a_full_queue_refuses_and_changes_nothing(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut sender = Sender::new(&broker, &queue);
    sender.next.max_waiting = Some(3);
    sender.send(&messages(2)).await;
    sender.send_due([(message(2), Due::After(LONG))]).await;
    sender.numbered(2).send_due([(message(2), Due::After(LONG))]).await;

    sender.next.sequence = 3;
    let error = broker.publish(&sender.next).await.unwrap_err();
    assert!(matches!(error, BrokerError::QueueFull { limit: 3, .. }), "{error:?}");
    assert!(!error.is_transient() && error.to_string().contains("`q`"), "{error}");
    let waiting = stats(&broker, &queue).await;
    assert_eq!((waiting.ready, waiting.scheduled), (2, 1));
    // The number of a refused batch is free.
    Hand::new(&broker, &queue, LONG).take(1).await;
    sender.numbered(3).send(&messages(1)).await;
    // Others have their own bound, or none.
    Sender::new(&broker, &queue).send(&messages(5)).await;
    assert_eq!(stats(&broker, &queue).await.ready, 7);
}

fn number(payload: &Bytes) -> u64 {
    let args: std::collections::BTreeMap<String, u64> = decode_args(Envelope::decode(payload).unwrap().args).unwrap();
    args["number"]
}
