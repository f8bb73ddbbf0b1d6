//! What send middleware does to messages, on the broker in memory.
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic as the tests do")]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex};

use ltq_core::BoxError;
use ltq_core::broker::memory::MemoryBroker;
use ltq_core::broker::{DeadLimits, Turn, WorkerId};
use ltq_core::client::{BrokerAccess as _, Client, ClientBuilder, SendError, SendMiddleware, Sent};
use ltq_core::message::{Envelope, Message, QueueName};

/// What the middleware saw, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// Adds to what is carried, and notes what it sees.
struct Trace(&'static str, Log);

impl SendMiddleware for Trace {
    fn before_send(&self, message: Message) -> Result<Message, BoxError> {
        self.1.lock().unwrap().push(format!("{} before {}", self.0, message.task()));
        let path = message.carried().get::<String>("path")?.unwrap_or_default();
        Ok(message.carry("path", &format!("{path}/{}", self.0))?)
    }

    fn after_send(&self, sent: &Sent<'_>) {
        let end = if sent.error.is_some() { "failed" } else { "accepted" };
        self.1.lock().unwrap().push(format!("{} after {} on {}: {end}", self.0, sent.ids.len(), sent.queue));
    }
}

/// Refuses one task.
struct Refuse(&'static str);

#[derive(Debug, thiserror::Error)]
#[error("not in this test")]
struct NotAllowed;

impl SendMiddleware for Refuse {
    fn before_send(&self, message: Message) -> Result<Message, BoxError> {
        if message.task() == self.0 { Err(NotAllowed.into()) } else { Ok(message) }
    }
}

fn message(task: &'static str) -> Message {
    Message::new(task, "queue", &BTreeMap::from([("secret", 7)]))
}

/// The carried path of the one message on the queue.
/// A client of a broker of its own.
fn connected(settings: ClientBuilder) -> Client {
    Client::with_settings(settings, MemoryBroker::private())
}

async fn carried_path(client: &Client) -> Option<String> {
    let turn = Turn {
        queue: QueueName::new("queue").unwrap(),
        worker: WorkerId::new(),
        sequence: 1,
        lease: std::time::Duration::from_secs(8),
        settlements: Vec::new(),
        want: 1,
        backlog: false,
        full: false,
        discarded: 0,
        dead_limits: DeadLimits::default(),
    };
    let reply = client.broker().turn(&turn).await.unwrap();
    let envelope = Envelope::decode(&reply.taken[0].payload).unwrap();
    envelope.carried.get("path").unwrap()
}

#[tokio::test]
async fn the_first_added_sees_the_message_first_and_its_end_last() {
    let log = Log::default();
    let client =
        connected(Client::builder().middleware(Trace("a", Arc::clone(&log))).middleware(Trace("b", Arc::clone(&log))));
    client.send(message("task")).await.unwrap();
    let expected = ["a before task", "b before task", "b after 1 on queue: accepted", "a after 1 on queue: accepted"];
    assert_eq!(*log.lock().unwrap(), expected);
    assert_eq!(carried_path(&client).await.as_deref(), Some("/a/b"));
}

#[tokio::test]
async fn a_refused_message_is_not_sent_and_says_why() {
    let log = Log::default();
    let client = connected(Client::builder().middleware(Trace("a", Arc::clone(&log))).middleware(Refuse("forbidden")));
    let error = client.send(message("forbidden")).await.unwrap_err();
    assert_eq!(error.to_string(), "a message for the task `forbidden` was refused: not in this test");
    assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    assert!(error.source().is_some(), "{error:?}");
    assert_eq!(client.queue("queue").unwrap().stats().await.unwrap().ready, 0);
    assert_eq!(*log.lock().unwrap(), ["a before forbidden"]);
}

#[tokio::test]
async fn each_message_of_a_bulk_passes_and_a_refusal_says_what_went_before() {
    let log = Log::default();
    let client = connected(Client::builder().middleware(Refuse("forbidden")).middleware(Trace("a", Arc::clone(&log))));
    let ids = client.send_bulk((0..2_500).map(|_| message("task"))).await.unwrap();
    assert_eq!(ids.len(), 2_500);
    {
        let mut log = log.lock().unwrap();
        assert_eq!(log.iter().filter(|line| line.starts_with("a before")).count(), 2_500);
        let accepted = |line: &String| line.strip_prefix("a after ")?.split(' ').next()?.parse::<usize>().ok();
        assert_eq!(log.iter().filter_map(accepted).sum::<usize>(), 2_500);
        log.clear();
    }
    let messages = (0..2_500).map(|n| message(if n == 2_400 { "forbidden" } else { "task" }));
    let SendError::Partial { accepted, source } = client.send_bulk(messages).await.unwrap_err() else {
        panic!("not partial")
    };
    assert!(matches!(*source, SendError::Refused { .. }), "{source}");
    let ready = client.queue("queue").unwrap().stats().await.unwrap().ready;
    assert_eq!(u64::try_from(accepted.len()).unwrap(), ready - 2_500);
}

#[tokio::test]
async fn another_message_may_go_in_its_place() {
    struct Elsewhere;
    impl SendMiddleware for Elsewhere {
        fn before_send(&self, message: Message) -> Result<Message, BoxError> {
            Ok(Message::new("other", "elsewhere", &BTreeMap::from([("of", message.task())])))
        }
    }
    let client = connected(Client::builder().middleware(Elsewhere));
    let original = message("task");
    let first = original.id();
    assert_ne!(client.send(original).await.unwrap(), first);
    client.send_bulk([message("task")]).await.unwrap();
    assert_eq!(client.queue("elsewhere").unwrap().stats().await.unwrap().ready, 2);
    assert_eq!(client.queue("queue").unwrap().stats().await.unwrap().ready, 0);
}
