//! A worker that cannot do its work says so and ends, instead of going silent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ltq::{Client, DeadLetter, MessageId, Shutdown, Worker, WorkerError};
use ltq_core::broker::memory::MemoryBroker;
use ltq_core::broker::{
    Admin, Broker, BrokerError, Publish, QueueStats, Recovered, Recovery, Renewal, Turn, TurnReply, WorkerId,
};
use ltq_core::message::QueueName;
use ltq_tests::conformance::eventually;

use ltq_tests::tasks::{LEASE_MS, WATCHDOG_MS};

use crate::support::Stage;

const LIMIT: Duration = Duration::from_secs(2);

/// Any task, so that there is something to serve.
#[ltq::task(queue = "watched")]
async fn nothing() {}

fn worker() -> Worker {
    Worker::new("watched").lease(Duration::from_secs(1)).watchdog(LIMIT)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_ends_the_worker_with_an_error() {
    let mut stage = Stage::new().await;
    let worker = worker();
    let health = worker.health();
    assert!(!health.is_ready(), "it does not run yet");
    let running = tokio::spawn(worker.run_until(stage.client.clone(), Shutdown::new()));
    eventually(async || health.is_ready().then_some(())).await;

    stage.server.kill();
    eventually(async || (!health.is_ready()).then_some(())).await;
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, WorkerError::Stalled { .. }), "{error}");
    assert!(error.to_string().contains("the broker could not be reached"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_loop_that_gets_nowhere_ends_the_worker_although_the_broker_answers() {
    let client = Client::on(Arc::new(Stuck(MemoryBroker::private())));
    let error = worker().run_until(client, Shutdown::new()).await.unwrap_err();
    assert!(error.to_string().contains("although the broker answers"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_ends_with_a_code_of_its_own() {
    let mut stage = Stage::new().await;
    let mut worker = stage.worker().env(LEASE_MS, "1000").env(WATCHDOG_MS, "2000").start();
    worker.wait_for("worker started").await;
    stage.server.kill();
    worker.expect_exit(ltq_tests::program::PATIENCE, 70).await;
}

/// A broker whose turns never end.
#[derive(Debug)]
struct Stuck(Arc<dyn Broker>);

#[async_trait]
impl Broker for Stuck {
    fn address(&self) -> &str {
        self.0.address()
    }

    async fn publish(&self, batch: &Publish) -> Result<(), BrokerError> {
        self.0.publish(batch).await
    }

    async fn turn(&self, _: &Turn) -> Result<TurnReply, BrokerError> {
        std::future::pending().await
    }

    async fn wait(&self, queues: &[QueueName], at_most: Duration) -> Result<Option<QueueName>, BrokerError> {
        self.0.wait(queues, at_most).await
    }

    async fn renew(&self, queue: &QueueName, worker: &WorkerId, lease: Duration) -> Result<Renewal, BrokerError> {
        self.0.renew(queue, worker, lease).await
    }

    async fn recover(&self, queue: &QueueName, worker: &WorkerId, how: Recovery) -> Result<Recovered, BrokerError> {
        self.0.recover(queue, worker, how).await
    }

    async fn dedicated(&self) -> Result<Arc<dyn Broker>, BrokerError> {
        self.0.dedicated().await
    }

    async fn reconnect(&self) {}

    async fn close(&self) {}
}

#[async_trait]
impl Admin for Stuck {
    async fn queues(&self) -> Result<Vec<QueueName>, BrokerError> {
        self.0.queues().await
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, BrokerError> {
        self.0.stats(queue).await
    }

    async fn dead_letters(&self, queue: &QueueName, offset: u64, limit: u64) -> Result<Vec<DeadLetter>, BrokerError> {
        self.0.dead_letters(queue, offset, limit).await
    }

    async fn dead_letter(&self, queue: &QueueName, id: MessageId) -> Result<Option<DeadLetter>, BrokerError> {
        self.0.dead_letter(queue, id).await
    }

    async fn replay(&self, queue: &QueueName, id: MessageId, payload: Bytes) -> Result<bool, BrokerError> {
        self.0.replay(queue, id, payload).await
    }

    async fn clear(&self, queue: &QueueName, limit: u64) -> Result<u64, BrokerError> {
        self.0.clear(queue, limit).await
    }

    async fn delete_dead(&self, queue: &QueueName, id: MessageId) -> Result<bool, BrokerError> {
        self.0.delete_dead(queue, id).await
    }
}
