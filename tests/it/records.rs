//! What a running worker tells of itself at the broker.

use std::time::Duration;

use ltq::{Client, State, Task, TaskResult, Worker};
use ltq_core::broker::memory::MemoryBroker;
use ltq_core::client::BrokerAccess as _;
use ltq_core::message::QueueName;
use ltq_tests::conformance::eventually;
use ltq_tests::redis_server::RedisServer;
use tokio::sync::Notify;

use crate::support::Running;

/// Runs until it is told.
#[ltq::task(queue = "records")]
async fn waits(end: State<Notify>, secret: String) -> TaskResult {
    let _ = secret;
    end.notified().await;
    Ok(())
}

async fn assert_told(client: Client) {
    let worker = Worker::for_tasks("teller", [waits::DEF]).lease(Duration::from_secs(1)).deployment("blue");
    let end = State::new(Notify::new());
    let running = Running::start(worker.shared_state(end.clone()), &client);
    let id = client.send(waits.message("s3cret")).await.unwrap();
    let queue = QueueName::new("records").unwrap();
    let records = async || client.broker().process_records(&queue).await.unwrap();
    let record = eventually(|| async { records().await.into_iter().find(|record| record.busy == 1) }).await;
    let description = &record.description;
    assert_eq!(description.pid, std::process::id());
    assert_eq!((description.worker.as_str(), description.deployment.as_deref()), ("teller", Some("blue")));
    assert_eq!(description.version, env!("CARGO_PKG_VERSION"));
    assert!(!description.host.is_empty());
    assert!(description.tasks.knows(waits::DEF.name) && !description.tasks.knows("another"));
    assert!(!format!("{record:?}").contains("s3cret"), "{record:?}");
    let runs = &record.running[0];
    assert_eq!((runs.task.as_str(), runs.id, runs.attempt), (waits::DEF.name, id, 1));
    assert!(runs.since_ms > 0);

    end.notify_one();
    eventually(|| async { records().await.iter().all(|record| record.busy == 0).then_some(()) }).await;
    running.stop().await;
    assert_eq!(records().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_who_it_is_and_what_it_runs() {
    assert_told(Client::on(MemoryBroker::private())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_it_to_redis_too() {
    let server = RedisServer::start();
    assert_told(Client::connect(&server.url()).await.unwrap()).await;
}
