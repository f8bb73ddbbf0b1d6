//! A user who may do what the deployment page lists, and no more.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ltq::{Client, Context, Task as _, TaskError, TaskResult, Worker};
use ltq_core::broker::{
    Broker, BrokerError, ConnectOptions, DeadLimits, Entry, ProducerId, Publish, Turn, WorkerId, connect,
};
use ltq_core::message::{Due, QueueName};
use ltq_tests::conformance::wait;
use ltq_tests::redis_server::{RedisOptions, RedisServer};

use crate::support::{Running, stats_show};

/// The page users copy from.
const PAGE: &str = include_str!("../../../docs/deployment.md");

mod conformance {
    use ltq_tests::redis_server::RedisServer;

    async fn servers() -> (RedisServer, String) {
        let permissions = super::documented().into_iter().map(|word| word.replace("ltq:", "*:")).collect::<Vec<_>>();
        let server = super::server(&permissions).start();
        let url = super::address(&server);
        (server, url)
    }

    ltq_tests::conformance!(shared servers);
}

/// The permissions in the `ACL SETUSER` line of the page.
fn documented() -> Vec<String> {
    let line = PAGE.split("ACL SETUSER ").nth(1).expect("the page has the line").split("```").next().unwrap();
    let words = line.replace("\\\n", " ");
    words.split_whitespace().skip(1).filter(|word| !word.starts_with('>')).map(str::to_owned).collect()
}

/// A server with the user `worker`, who has these permissions.
fn server(permissions: &[String]) -> RedisOptions {
    let user = ["--user", "worker", ">secret"].into_iter().map(str::to_owned).chain(permissions.iter().cloned());
    let options = user.fold(RedisServer::options(), RedisOptions::arg);
    // Nobody else may do anything.
    ["--user", "default", "off"].into_iter().fold(options, RedisOptions::arg)
}

fn address(server: &RedisServer) -> String {
    format!("redis://worker:secret@127.0.0.1:{}", server.port())
}

#[ltq::task(queue = "acl", max_attempts = 2, backoff = "5ms..10ms")]
async fn picky(ctx: Context, kind: String) -> TaskResult {
    match kind.as_str() {
        "retry" if ctx.attempt() == 1 => Err(TaskError::msg("once more")),
        "die" => Err(TaskError::msg("never")),
        _ => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_and_its_administration_get_along_with_what_is_documented() {
    let server = server(&documented()).start();
    let client = Client::connect(&address(&server)).await.unwrap();
    let running = Running::start(Worker::for_tasks("w", [picky::DEF]), &client);
    client.send(picky.message("plain")).await.unwrap();
    client.send(picky.message("later").delay(Duration::from_millis(20))).await.unwrap();
    client.send(picky.message("retry")).await.unwrap();
    client.send(picky.message("die")).await.unwrap();
    let stats = stats_show(&client, "acl", |stats| stats.counts.done == 3 && stats.dead == 1).await;
    assert_eq!((stats.ready, stats.scheduled, stats.active), (0, 0, 0));
    assert_eq!(client.queues().await.unwrap().len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_named_with_what_to_grant() {
    for missing in ["+evalsha", "+hset", "+blpop", "~{ltq:*}:*", "+sadd"] {
        let permissions: Vec<_> = documented().into_iter().filter(|word| word != missing).collect();
        let server = server(&permissions).start();
        let broker = connect(&address(&server), &ConnectOptions::default()).await.unwrap();
        let error = everything(&broker).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, BrokerError::Refused { .. }) && text.contains(missing), "{missing}: {text}");
        for permission in documented().into_iter().filter(|word| word.starts_with(['+', '~'])) {
            assert!(text.contains(&permission), "{permission}: {text}");
        }
        assert!(!text.contains("secret"));
    }
}

/// `SORT` is counted among the dangerous commands and often taken away. It makes taking many cheap, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn without_sort_messages_are_taken_one_by_one() {
    let permissions: Vec<_> = documented().into_iter().filter(|word| word != "+sort").collect();
    let server = server(&permissions).start();
    let client = Client::connect(&address(&server)).await.unwrap();
    client.send_bulk((0..2_000).map(|_| picky.message("plain"))).await.unwrap();
    let running = Running::start(Worker::for_tasks("w", [picky::DEF]), &client);
    let stats = stats_show(&client, "acl", |stats| stats.counts.done == 2_000).await;
    assert_eq!((stats.ready, stats.active, stats.counts.refused, stats.counts.returned), (0, 0, 0, 0));
    running.stop().await;
}

/// Sends, takes and waits.
async fn everything(broker: &Arc<dyn Broker>) -> Result<(), BrokerError> {
    let queue = QueueName::new("q").unwrap();
    let entry = Entry { payload: Bytes::from_static(b"any"), due: Due::Now };
    let batch = Publish::new(queue.clone(), ProducerId::new(), 1, vec![entry]);
    broker.publish(&batch).await?;
    let turn = Turn {
        queue: queue.clone(),
        worker: WorkerId::new(),
        sequence: 1,
        lease: Duration::from_secs(60),
        settlements: Vec::new(),
        want: 1,
        backlog: false,
        full: false,
        discarded: 0,
        dead_limits: DeadLimits::default(),
    };
    broker.turn(&turn).await?;
    wait(broker, &[queue], Duration::from_millis(1)).await.map(drop)
}
