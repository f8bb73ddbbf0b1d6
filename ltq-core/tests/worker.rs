//! The worker on the broker in memory, with tasks described by hand.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ltq_core::broker::memory::MemoryBroker;
use ltq_core::client::{BrokerAccess as _, Client};
use ltq_core::message::Message;
use ltq_core::task::{Delivery, Output, TaskDef};
use ltq_core::worker::{Shutdown, Worker};
use ltq_core::{BoxError, BoxFuture};

static RUNS: AtomicU32 = AtomicU32::new(0);

fn count(_: Delivery) -> BoxFuture<'static, Result<Output, BoxError>> {
    Box::pin(async {
        RUNS.fetch_add(1, Ordering::Relaxed);
        Ok(Output::default())
    })
}

static COUNT: TaskDef = TaskDef::new("count", "tests::count", count);

#[tokio::test(flavor = "multi_thread")]
async fn every_message_runs_once_and_the_worker_stops() {
    let client = Client::on(MemoryBroker::private());
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(Worker::for_tasks("w", [&COUNT]).run_until(client.clone(), shutdown.clone()));
    let empty = std::collections::BTreeMap::<String, u8>::new();
    let messages = (0..10_000).map(|_| Message::new("count", "count", &empty));
    client.send_bulk(messages).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), async {
        while client.queue("count").unwrap().stats().await.unwrap().counts.done < 10_000 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    shutdown.request();
    worker.await.unwrap().unwrap();
    assert_eq!(RUNS.load(Ordering::Relaxed), 10_000);
    assert_eq!(client.queue("count").unwrap().stats().await.unwrap().workers, 0);
}
