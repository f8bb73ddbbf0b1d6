//! Waiting without polling.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ltq_core::broker::{Broker, Recovery};
use ltq_core::message::{Due, QueueName};
use tokio::task::JoinHandle;

use super::{Hand, LONG, Sender, dead, message, messages, queue, wait};

/// Longer than any test: a wait that is not woken meets the suite's own limit.
const ENDLESS: Duration = LONG;
/// Long enough to see that nothing wakes; what is asserted does not depend on it.
const BRIEF: Duration = Duration::from_millis(100);

/// A worker that waits is woken by a publish.
pub async fn a_publish_wakes(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let waiting = waiter(&broker, std::slice::from_ref(&queue), ENDLESS).await;
    Sender::new(&broker, &queue).send(&messages(3)).await;
    assert_eq!(waiting.await.unwrap(), Some(queue));
}

/// A worker may wait for several queues at once, and is told which one woke it.
pub async fn any_of_several_queues_wakes(broker: Arc<dyn Broker>) {
    let queues = ["one", "two", "three"].map(queue);
    for woken in &queues {
        let waiting = waiter(&broker, &queues, ENDLESS).await;
        Sender::new(&broker, woken).send(&messages(1)).await;
        assert_eq!(waiting.await.unwrap().as_ref(), Some(woken));
    }
}

/// A message that becomes the next to be due wakes: whoever waits, waits too long.
pub async fn an_earlier_due_time_wakes(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut sender = Sender::new(&broker, &queue);
    for seconds in [300, 200, 100] {
        let waiting = waiter(&broker, std::slice::from_ref(&queue), ENDLESS).await;
        sender.send_due([(message(seconds), Due::After(Duration::from_secs(seconds)))]).await;
        assert_eq!(waiting.await.unwrap().as_ref(), Some(&queue));
    }
}

/// A message that is due after the next one wakes nobody.
pub async fn a_later_due_time_does_not_wake(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut sender = Sender::new(&broker, &queue);
    sender.send_due([(message(1), Due::After(LONG))]).await;
    let queues = [queue];
    assert!(wait(&broker, &queues, ENDLESS).await.unwrap().is_some());
    sender.send_due([(message(2), Due::After(LONG * 2))]).await;
    assert_eq!(wait(&broker, &queues, BRIEF).await.unwrap(), None);
}

/// A wait ends by itself.
pub async fn nothing_to_do_ends_by_itself(broker: Arc<dyn Broker>) {
    let waiting = waiter(&broker, &[queue("q"), queue("r")], BRIEF).await;
    assert_eq!(waiting.await.unwrap(), None);
}

/// One publish wakes one of several waiting workers; the others sleep on.
pub async fn one_event_wakes_one_of_several(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(waiter(&broker, std::slice::from_ref(&queue), Duration::from_secs(2)).await);
    }
    Sender::new(&broker, &queue).send(&messages(5)).await;
    let mut woken = 0;
    for waiting in waiting {
        woken += usize::from(waiting.await.unwrap().is_some());
    }
    // All three may have given up before the publish on a machine that stood still; then the token is still there.
    let left = wait(&broker, &[queue], BRIEF).await.unwrap();
    assert_eq!(woken + usize::from(left.is_some()), 1);
}

/// A worker that does not take everything wakes the next one.
pub async fn a_turn_that_leaves_messages_wakes_the_next(broker: Arc<dyn Broker>) {
    let queues = [queue("q")];
    Sender::new(&broker, &queues[0]).send(&messages(9)).await;
    for left in [6, 3] {
        assert!(wait(&broker, &queues, ENDLESS).await.unwrap().is_some());
        let reply = Hand::new(&broker, &queues[0], LONG).turn(Vec::new(), 3).await;
        assert_eq!((reply.taken.len(), reply.more), (3, true), "{left} are left");
    }
    assert!(wait(&broker, &queues, ENDLESS).await.unwrap().is_some());
    assert!(!Hand::new(&broker, &queues[0], LONG).turn(Vec::new(), 3).await.more);
    assert_eq!(wait(&broker, &queues, BRIEF).await.unwrap(), None);
}

/// Messages that come back by a recovery or a replay wake too.
pub async fn recovered_and_replayed_messages_wake(broker: Arc<dyn Broker>) {
    let queues = [queue("q")];
    Sender::new(&broker, &queues[0]).send(&messages(1)).await;
    assert!(wait(&broker, &queues, ENDLESS).await.unwrap().is_some());
    let mut leaving = Hand::new(&broker, &queues[0], LONG);
    leaving.take(1).await;
    broker.recover(&queues[0], &leaving.id, Recovery::Leaving).await.unwrap();
    assert!(wait(&broker, &queues, ENDLESS).await.unwrap().is_some());

    let mut worker = Hand::new(&broker, &queues[0], LONG);
    let held = worker.take(1).await.remove(0);
    worker.settle(vec![dead(&held)]).await;
    assert!(broker.replay(&queues[0], held.id, held.payload).await.unwrap());
    assert!(wait(&broker, &queues, ENDLESS).await.unwrap().is_some());
}

/// Each queue is watched by one wait, and of the queues that one wait watches it prefers none: while all have something, each
/// wakes in turn.
pub async fn no_queue_is_preferred(broker: Arc<dyn Broker>) {
    let queues: Vec<_> = (0..20).map(|number| queue(&format!("q{number}"))).collect();
    let mut senders: BTreeMap<_, _> = queues.iter().map(|queue| (queue.clone(), Sender::new(&broker, queue))).collect();
    for sender in senders.values_mut() {
        sender.send(&messages(1)).await;
    }
    let mut all = Vec::new();
    for mut wait in broker.waits(&queues) {
        let watched: BTreeSet<_> = wait.queues().iter().cloned().collect();
        for _ in 0..3 {
            let mut woken = BTreeSet::new();
            for _ in &watched {
                let queue = wait.wait(ENDLESS).await.unwrap().unwrap();
                senders.get_mut(&queue).unwrap().send(&messages(1)).await;
                woken.insert(queue);
            }
            assert_eq!(woken, watched);
        }
        all.extend(watched);
    }
    all.sort_unstable();
    assert_eq!(all, senders.into_keys().collect::<Vec<_>>());
}

/// A worker that waits, over connections of its own as each process has them.
async fn waiter(broker: &Arc<dyn Broker>, queues: &[QueueName], at_most: Duration) -> JoinHandle<Option<QueueName>> {
    let broker = broker.dedicated().await.unwrap();
    let queues = queues.to_vec();
    tokio::spawn(async move {
        let woken = wait(&broker, &queues, at_most).await;
        broker.close().await;
        woken.unwrap()
    })
}
