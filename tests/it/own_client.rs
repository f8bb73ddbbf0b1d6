//! What a task sends goes to the broker of the worker that runs it, whatever the process-wide client is.

use std::sync::LazyLock;

use ltq::{Client, Context, Task, TaskResult, Worker};
use ltq_core::broker::memory::MemoryBroker;
use ltq_core::client::BrokerAccess as _;
use ltq_tests::redis_server::RedisServer;
use tokio::runtime::Handle;

use crate::support::{Running, stats, stats_show};

/// The process-wide client of this binary. No test but those of this file uses it.
fn elsewhere() -> Client {
    static ELSEWHERE: LazyLock<Client> = LazyLock::new(|| {
        let client = Client::on(MemoryBroker::private());
        ltq::set_current(client.clone());
        client
    });
    ELSEWHERE.clone()
}

/// Waits where it was sent to.
#[ltq::task(queue = "own.sent")]
async fn sent(how: String) {
    let _ = how;
}

#[ltq::task(queue = "own.sends")]
async fn sends(ctx: Context) -> TaskResult {
    sent.send("by the task").await?;
    sent.message("as a message").send().await?;
    sent.send_bulk([sent.message("in a bulk")]).await?;
    ltq::current().await?.send(sent.message("with the client of this place")).await?;
    let client = ctx.client().await?;
    tokio::spawn(async move { client.send(sent.message("spawned, with the worker's client")).await }).await??;
    Ok(())
}

#[ltq::task(queue = "own.sends", blocking)]
fn blocks() -> TaskResult {
    Handle::current().block_on(sent.send("from a thread"))?;
    Ok(())
}

async fn assert_sent_to_the_workers_broker(worker: Worker, client: Client) {
    let elsewhere = elsewhere();
    let running = Running::start(worker, &client);
    client.send_bulk([sends.message(), blocks.message()]).await.unwrap();
    let ended = stats_show(&client, "own.sends", |stats| stats.counts.done + stats.dead == 2).await;
    running.stop().await;
    assert_eq!(ended.dead, 0, "{:?}", client.queue("own.sends").unwrap().dead_letters().list(0, 2).await);
    assert_eq!(stats(&client, "own.sent").await.ready, 6);
    assert_eq!(stats(&elsewhere, "own.sent").await.ready, 0);
}

fn worker() -> Worker {
    Worker::for_tasks("w", [sends::DEF, blocks::DEF])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_sends_with_the_client_of_its_worker() {
    assert_sent_to_the_workers_broker(worker(), Client::on(MemoryBroker::private())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_on_a_runtime_of_its_workers_own_does_too() {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    assert_sent_to_the_workers_broker(worker().own_runtime(1), client).await;
}

#[ltq::task(queue = "own.spawns")]
async fn spawns() -> TaskResult {
    tokio::spawn(sent.message("spawned").on_queue("own.elsewhere").send()).await??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_task_spawns_sends_with_the_process_wide_client() {
    let elsewhere = elsewhere();
    let client = Client::on(MemoryBroker::private());
    let running = Running::start(Worker::for_tasks("w", [spawns::DEF]), &client);
    client.send(spawns.message()).await.unwrap();
    stats_show(&elsewhere, "own.elsewhere", |stats| stats.ready == 1).await;
    running.stop().await;
    assert_eq!(stats(&client, "own.elsewhere").await.ready, 0);
}

#[tokio::test]
async fn a_context_made_by_hand_gives_the_process_wide_client() {
    let elsewhere = elsewhere();
    let client = Context::detached().client().await.unwrap();
    client.send(sent.message("by hand").on_queue("own.by-hand")).await.unwrap();
    assert_eq!(stats(&elsewhere, "own.by-hand").await.ready, 1);
}
