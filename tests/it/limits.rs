//! A broker that takes nothing: each send says why, at once, and workers live on.

use std::time::Duration;

use futures_util::FutureExt as _;
use ltq::{BrokerError, Client, Message, SendError};
use ltq_tests::conformance::{eventually, in_time};
use ltq_tests::redis_server::RedisServer;
use ltq_tests::tasks::{self, QUEUE};

use crate::support::{Stage, command, stop, work};

fn message(queue: &'static str) -> Message {
    Message::new("task", queue, &())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_buffer_refuses_at_once_and_takes_again_when_the_server_does() {
    let server = RedisServer::start();
    let client = Client::builder().max_buffered_bytes(2_000).connect(&server.url()).await.unwrap();
    client.send(message("q")).await.unwrap();
    server.pause();
    let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(client.send(message("q")))).collect();
    for send in &mut waiting {
        assert!(send.now_or_never().is_none());
    }
    let error = in_time(client.send_bulk((0..20).map(|_| message("other")))).await.unwrap_err();
    let SendError::Partial { accepted, source } = error else { panic!("{error:?}") };
    assert!(accepted.is_empty() && matches!(*source, SendError::BufferFull { limit: 2_000, .. }), "{source:?}");
    assert!(source.to_string().contains("max_buffered_bytes"), "{source}");
    server.resume();
    for send in waiting {
        send.await.unwrap();
    }
    client.send(message("q")).await.unwrap();
    assert_eq!(client.queue("q").unwrap().stats().await.unwrap().ready, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_a_bound_says_that_it_is_full() {
    let server = RedisServer::start();
    let client = Client::builder().max_queue_length(10).connect(&server.url()).await.unwrap();
    for _ in 0..10 {
        client.send(message("q")).await.unwrap();
    }
    let error = client.send(message("q")).await.unwrap_err();
    assert!(matches!(&error, SendError::QueueFull { queue, limit: 10 } if queue == "q"), "{error:?}");
    let later = message("q").delay(Duration::from_secs(60));
    assert!(matches!(client.send(later).await, Err(SendError::QueueFull { .. })));
    client.send(message("another")).await.unwrap();
    client.queue("q").unwrap().clear().await.unwrap();
    client.send(message("q")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_out_of_memory_refuses_sends_and_lets_workers_make_room() {
    let stage = Stage::new().await;
    stage.client.send_bulk(work(500, 1)).await.unwrap();
    command(&stage.server, "CONFIG", &["SET", "maxmemory", "1"]).await;
    let error = in_time(stage.client.send(tasks::work.message("refused", 0))).await.unwrap_err();
    let SendError::Broker(cause) = &error else { panic!("{error:?}") };
    assert!(matches!(**cause, BrokerError::OutOfMemory { .. }), "{error:?}");

    let mut worker = stage.worker().args(["--concurrency", "20"]).start();
    stage.assert_all_gone(500).await;
    command(&stage.server, "CONFIG", &["SET", "maxmemory", "0"]).await;
    stage.client.send(tasks::work.message("again", 0)).await.unwrap();
    stage.assert_all_gone(501).await;
    stage.read().assert_each_once(501);
    assert!(worker.is_running());
    stop(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_server_refuses_sends_and_workers_wait_for_it() {
    let primary = RedisServer::start();
    let stage = Stage::new().await;
    let mut worker = stage.worker().args(["--concurrency", "20"]).start();
    stage.client.send(tasks::work.message("before", 0)).await.unwrap();
    stage.assert_all_gone(1).await;
    // It would take over the data of its primary, if it could log in there.
    command(&stage.server, "CONFIG", &["SET", "masterauth", "wrong"]).await;
    command(&stage.server, "REPLICAOF", &["127.0.0.1", &primary.port().to_string()]).await;

    let error = in_time(stage.client.send(tasks::work.message("refused", 0))).await.unwrap_err();
    let SendError::Broker(cause) = &error else { panic!("{error:?}") };
    assert!(matches!(**cause, BrokerError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("replica"), "{error}");
    worker.wait_for("read-only").await;

    command(&stage.server, "REPLICAOF", &["NO", "ONE"]).await;
    stage.client.send(tasks::work.message("again", 0)).await.unwrap();
    stage.assert_all_gone(2).await;
    assert!(worker.is_running());
    stop(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_empty_is_told_again_which_queues_exist() {
    let mut stage = Stage::new().await;
    let mut worker = stage.worker().start();
    stage.client.send(tasks::work.message("before", 0)).await.unwrap();
    stage.assert_all_gone(1).await;
    stage.server.restart();
    stage.client.send(tasks::work.message("after", 0)).await.unwrap();
    stage.assert_all_gone(1).await;
    eventually(async || (stage.client.queues().await.unwrap() == [QUEUE]).then_some(())).await;
    stop(&mut worker).await;
}
