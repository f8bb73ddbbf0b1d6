//! Messages that wait for their time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ltq_core::broker::Broker;
use ltq_core::message::Due;

use super::{Hand, LONG, Sender, done, message, messages, payloads, queue, stats};

/// Messages become ready in the order of their times, none before, whatever the order in which they were sent.
pub async fn due_messages_come_in_the_order_of_their_times(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut worker = Hand::new(&broker, &queue, LONG);
    let sent_ms = worker.turn(Vec::new(), 0).await.now_ms;
    let delays_ms = [450_u64, 150, 300, 0, 600];
    let sent = messages(5);
    let entries =
        sent.iter().zip(delays_ms).map(|(payload, ms)| (payload.clone(), Due::After(Duration::from_millis(ms))));
    Sender::new(&broker, &queue).send_due(entries).await;
    assert!(stats(&broker, &queue).await.scheduled >= 1);

    let drained = worker.drain(5).await;
    let order: Vec<_> =
        drained.iter().map(|(delivered, _)| sent.iter().position(|sent| *sent == delivered.payload).unwrap()).collect();
    assert_eq!(order, [3, 1, 2, 0, 4]);
    for ((_, now_ms), index) in drained.iter().zip(order) {
        assert!(*now_ms >= sent_ms + delays_ms[index], "taken {}", now_ms - sent_ms);
    }
}

/// A time in the past means at once.
pub async fn a_past_time_means_now(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(3);
    let past = Due::At(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    let dues = [Due::Now, past, Due::After(Duration::ZERO)];
    Sender::new(&broker, &queue).send_due(sent.iter().cloned().zip(dues)).await;
    let reply = Hand::new(&broker, &queue, LONG).turn(Vec::new(), 10).await;
    assert_eq!(payloads(&reply.taken), sent);
    assert_eq!(reply.next_due, None);
}

/// A point of time is compared with the broker's clock.
pub async fn a_future_time_is_waited_for(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut worker = Hand::new(&broker, &queue, LONG);
    let due_ms = worker.turn(Vec::new(), 0).await.now_ms + 200;
    let due = Due::At(SystemTime::UNIX_EPOCH + Duration::from_millis(due_ms));
    Sender::new(&broker, &queue).send_due([(message(1), due)]).await;
    let (_, now_ms) = worker.drain(1).await.remove(0);
    assert!(now_ms >= due_ms);
}

/// A retry keeps its delay, and messages that are ready do not wait for it.
pub async fn a_retry_is_not_ready_before_its_time(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let sent = messages(3);
    Sender::new(&broker, &queue).send(&sent).await;
    let mut worker = Hand::new(&broker, &queue, LONG);
    let held = worker.take(1).await.remove(0);
    let delay = Duration::from_millis(200);
    let retry = held.retry(held.payload.clone(), delay);
    let reply = worker.turn(vec![retry], 10).await;
    assert_eq!(payloads(&reply.taken), sent[1..]);
    worker.settle(done(&reply.taken)).await;
    let (again, now_ms) = worker.drain(1).await.remove(0);
    assert_eq!(again.id, held.id);
    assert!(now_ms >= reply.now_ms + 200);
}

/// Though one turn makes only a bounded number ready, none is left behind.
pub async fn many_due_messages_all_come(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut sender = Sender::new(&broker, &queue);
    let mut sent = Vec::new();
    for batch in 0..3_u64 {
        let batch: Vec<_> =
            (0..500).map(|number| (message(number), Due::After(Duration::from_millis(300 + batch)))).collect();
        sent.extend(batch.iter().map(|(payload, _)| payload.clone()));
        sender.send_due(batch).await;
    }
    let drained = Hand::new(&broker, &queue, LONG).drain(1_500).await;
    let mut taken: Vec<_> = drained.into_iter().map(|(delivered, _)| delivered.payload).collect();
    taken.sort();
    sent.sort();
    assert!(taken == sent, "some were lost or came twice");
    let stats = stats(&broker, &queue).await;
    assert_eq!((stats.scheduled, stats.ready, stats.active, stats.counts.done), (0, 0, 0, 1_500));
}
