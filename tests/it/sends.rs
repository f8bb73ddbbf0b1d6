//! Sending: every accepted message is on its queue exactly once, and a send that fails says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ltq::{Client, DeadReason, Message, MessageId, RejectMessage, SendError, State, Task, Worker};
use ltq_core::broker::memory::MemoryBroker;
use ltq_core::broker::{DeadLimits, Turn, WorkerId};
use ltq_core::client::BrokerAccess as _;
use ltq_core::message::QueueName;
use ltq_tests::conformance::{eventually, in_time};
use ltq_tests::redis_server::RedisServer;

use crate::support::{Running, stats, stats_show};

fn message(queue: &'static str) -> Message {
    Message::new("task", queue, &())
}

/// Takes everything that is ready on a queue; the ids in order.
async fn take_all(client: &Client, queue: &str) -> Vec<MessageId> {
    let mut turn = Turn {
        queue: QueueName::new(queue).unwrap(),
        worker: WorkerId::new(),
        sequence: 0,
        lease: Duration::from_secs(600),
        settlements: Vec::new(),
        want: Turn::MAX_WANT,
        backlog: true,
        full: false,
        discarded: 0,
        dead_limits: DeadLimits::default(),
    };
    let mut ids = Vec::new();
    loop {
        turn.sequence += 1;
        let reply = client.broker().turn(&turn).await.unwrap();
        if reply.taken.is_empty() {
            return ids;
        }
        ids.extend(reply.taken.iter().map(|delivered| delivered.id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_at_once_are_each_there_once() {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let sends: Vec<_> = (0..1_000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(message("q")).await.unwrap() })
        })
        .collect();
    let mut sent = Vec::new();
    for send in sends {
        sent.push(send.await.unwrap());
    }
    let mut queued = take_all(&client, "q").await;
    sent.sort_unstable();
    queued.sort_unstable();
    assert_eq!(sent, queued);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_bulk_keeps_the_order_of_each_queue() {
    const QUEUES: [&str; 3] = ["a", "b", "c"];
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let messages: Vec<_> = (0..25_000).map(|number| message(QUEUES[number % QUEUES.len()])).collect();
    let expected: Vec<_> = messages.iter().map(Message::id).collect();
    assert_eq!(client.send_bulk(messages).await.unwrap(), expected);
    assert_eq!(client.queues().await.unwrap(), QUEUES);
    for (offset, queue) in QUEUES.into_iter().enumerate() {
        let on_queue: Vec<_> = expected.iter().copied().skip(offset).step_by(QUEUES.len()).collect();
        assert_eq!(take_all(&client, queue).await, on_queue, "{queue}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_with_a_message_too_large_says_what_was_accepted() {
    let server = RedisServer::start();
    let client = Client::builder().max_message_bytes(1_000).connect(&server.url()).await.unwrap();
    let large = BTreeMap::from([("data", "x".repeat(2_000))]);
    let messages = (0..2_500).map(|number| match number {
        1_700 => Message::new("task", "q", &large),
        _ => message("q"),
    });
    let error = client.send_bulk(messages).await.unwrap_err();
    let SendError::Partial { accepted, source } = error else { panic!("{error:?}") };
    assert!(matches!(*source, SendError::TooLarge { .. }), "{source:?}");
    assert!(!accepted.is_empty() && accepted.len() <= 1_700, "{}", accepted.len());
    assert_eq!(take_all(&client, "q").await, accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_cut_off_by_the_server_says_what_was_accepted() {
    let mut server = RedisServer::options().appendonly().start();
    let client = Client::builder().send_timeout(Duration::from_secs(1)).connect(&server.url()).await.unwrap();
    let mut number = 0;
    let messages = std::iter::from_fn(|| {
        number += 1;
        if number == 5_500 {
            server.stop();
        }
        (number <= 20_000).then(|| message("q"))
    });
    let error = client.send_bulk(messages).await.unwrap_err();
    let SendError::Partial { accepted, source } = error else { panic!("{error:?}") };
    assert!(matches!(*source, SendError::Broker(_)), "{source:?}");
    assert!(!accepted.is_empty());
    server.restart();
    // The call that was under way may have got through without an answer.
    let queued: BTreeSet<_> = take_all(&Client::connect(&server.url()).await.unwrap(), "q").await.into_iter().collect();
    assert!(accepted.iter().all(|id| queued.contains(id)), "{} accepted, {} queued", accepted.len(), queued.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_without_a_server_fails_in_time() {
    let mut server = RedisServer::start();
    let client = Client::builder().send_timeout(Duration::from_secs(1)).connect(&server.url()).await.unwrap();
    client.send(message("q")).await.unwrap();
    server.stop();
    let error = in_time(client.send(message("q"))).await.unwrap_err();
    let SendError::Broker(cause) = &error else { panic!("{error:?}") };
    assert!(cause.is_transient() && error.to_string().contains("127.0.0.1"), "{error:?}");
    // The client is not spoilt by that.
    server.restart();
    eventually(async || client.send(message("q")).await.ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_ones_own_are_apart() {
    let (one, other) = (Client::on(MemoryBroker::private()), Client::on(MemoryBroker::private()));
    let first = message("q").send_with(&one).await.unwrap();
    let second = message("q").send_with(&other).await.unwrap();
    assert_eq!(take_all(&one, "q").await, [first]);
    assert_eq!(take_all(&other, "q").await, [second]);
}

/// Whether messages are rejected, and which attempts came through.
#[derive(Default)]
struct Door {
    closed: Mutex<bool>,
}

#[ltq::task(queue = "letters")]
async fn knocks(door: State<Door>) -> Result<(), RejectMessage> {
    if *door.closed.lock().unwrap() { Err(RejectMessage::new("closed")) } else { Ok(()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_replayed_and_deleted() {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let door = Arc::new(Door { closed: Mutex::new(true) });
    let worker = Worker::for_tasks("w", [knocks::DEF]).shared_state(Arc::clone(&door).into());
    let running = Running::start(worker, &client);
    let mut ids = client.send_bulk((0..3).map(|_| knocks.message())).await.unwrap();
    stats_show(&client, "letters", |stats| stats.dead == 3).await;

    let letters = client.queue("letters").unwrap().dead_letters();
    let mut listed = letters.list(0, 10).await.unwrap();
    assert_eq!(letters.list(1, 1).await.unwrap(), listed[1..2]);
    listed.sort_unstable_by_key(|letter| letter.id);
    ids.sort_unstable();
    assert_eq!(listed.iter().map(|letter| letter.id).collect::<Vec<_>>(), ids);
    assert!(listed.iter().all(|letter| letter.reason == DeadReason::Rejected && letter.died_at_ms > 0));

    *door.closed.lock().unwrap() = false;
    assert!(letters.replay(ids[0]).await.unwrap());
    assert!(!letters.replay(ids[0]).await.unwrap());
    assert!(letters.delete(ids[1]).await.unwrap());
    assert!(!letters.delete(ids[1]).await.unwrap());
    stats_show(&client, "letters", |stats| stats.counts.done == 1).await;
    assert_eq!(letters.get(ids[2]).await.unwrap().unwrap().id, ids[2]);
    assert_eq!(letters.get(ids[0]).await.unwrap(), None);
    running.stop().await;
    let stats = stats(&client, "letters").await;
    assert_eq!((stats.ready, stats.active, stats.dead), (0, 0, 1), "{stats:?}");
}
