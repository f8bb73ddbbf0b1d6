//! Sends that wait for replicas, or for the disk.

use std::time::Duration;

use ltq::{BrokerError, Client, Durability, Message, MessageId, SendError};
use ltq_tests::conformance::{eventually, in_time};
use ltq_tests::redis_server::{RedisOptions, RedisServer};

use crate::support::command;

/// Longer than any replica of a test takes; a level that is reached is reached at once.
const LONG: Duration = Duration::from_secs(30);

fn message() -> Message {
    Message::new("task", "q", &())
}

/// A primary that sends to new replicas at once.
fn primary() -> RedisOptions {
    RedisServer::options().arg("--repl-diskless-sync-delay").arg("0")
}

/// A replica that has caught up.
async fn replica_of(primary: &RedisServer) -> RedisServer {
    let port = primary.port().to_string();
    let replica = RedisServer::options().arg("--replicaof").arg("127.0.0.1").arg(port).start();
    eventually(async || {
        let replication = command(primary, "INFO", &["replication"]).await.into_string().unwrap();
        replication.contains("state=online").then_some(())
    })
    .await;
    replica
}

/// The one message, which is on its queue but not as safe as asked.
fn not_durable(result: Result<MessageId, SendError>) -> MessageId {
    match result {
        Err(SendError::NotDurable { id, .. }) => id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_returns_when_the_replica_has_the_message() {
    let primary = primary().start();
    let replica = replica_of(&primary).await;
    let client = Client::builder().durability(Durability::replicated(1, LONG)).connect(&primary.url()).await.unwrap();
    for sent in 1..=20 {
        client.send(message()).await.unwrap();
        let there = command(&replica, "LLEN", &["{ltq:q}:ready"]).await;
        assert_eq!(there.as_u64(), Some(sent));
    }
    client.send_bulk((0..2_500).map(|_| message())).await.unwrap();
    assert_eq!(command(&replica, "LLEN", &["{ltq:q}:ready"]).await.as_u64(), Some(2_520));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_is_not_reached_is_an_error_and_the_message_is_queued_once() {
    let primary = primary().start();
    let replica = replica_of(&primary).await;
    let client = Client::connect(&primary.url()).await.unwrap();
    replica.pause();
    let wanted = Durability::replicated(1, Duration::from_millis(20));
    let sent = client.send(message().durability(wanted)).await;
    let text = sent.as_ref().unwrap_err().to_string();
    assert!(text.contains("on 1 replicas within 20ms") && text.contains("0 replicas"), "{text}");
    assert!(sent.as_ref().unwrap_err().is_enqueued());
    not_durable(sent);

    // A bulk ends there, and counts what is queued as accepted.
    let error = client.send_bulk((0..3).map(|_| message().durability(wanted))).await.unwrap_err();
    let SendError::Partial { accepted, source } = error else { panic!("{error:?}") };
    assert!(matches!(*source, SendError::NotDurable { .. }), "{source:?}");
    assert_eq!(accepted.len(), 3);
    // Messages of another level do not wait.
    client.send(message()).await.unwrap();
    assert_eq!(client.queue("q").unwrap().stats().await.unwrap().ready, 5);

    replica.resume();
    client.send(message().durability(Durability::replicated(1, LONG))).await.unwrap();
    assert_eq!(client.queue("q").unwrap().stats().await.unwrap().ready, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_replicas_than_there_are_is_an_error() {
    let primary = primary().start();
    let _replica = replica_of(&primary).await;
    let client = Client::connect(&primary.url()).await.unwrap();
    let wanted = Durability::replicated(2, Duration::from_millis(20));
    let id = not_durable(client.send(message().durability(wanted)).await);
    assert_ne!(id.timestamp_ms(), 0);
    assert_eq!(client.queue("q").unwrap().stats().await.unwrap().ready, 1);
}

/// On a new connection `WAIT` knows of no writes and would succeed at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_while_it_waits_proves_nothing() {
    let primary = primary().start();
    let replica = replica_of(&primary).await;
    let client = Client::builder().durability(Durability::replicated(1, LONG)).connect(&primary.url()).await.unwrap();
    client.send(message()).await.unwrap();
    replica.pause();
    let sending = tokio::spawn({
        let client = client.clone();
        async move { client.send(message()).await }
    });
    eventually(async || (client.queue("q").unwrap().stats().await.unwrap().ready == 2).then_some(())).await;
    for _ in 0..3 {
        command(&primary, "CLIENT", &["KILL", "TYPE", "normal"]).await;
        // The send has come back and waits once more.
        eventually(async || {
            let clients = command(&primary, "INFO", &["clients"]).await.into_string().unwrap();
            clients.contains("blocked_clients:1").then_some(())
        })
        .await;
        assert!(!sending.is_finished());
    }
    replica.resume();
    in_time(sending).await.unwrap().unwrap();
    assert_eq!(client.queue("q").unwrap().stats().await.unwrap().ready, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_returns_when_the_disk_has_the_message_or_says_that_the_server_is_too_old() {
    let server = RedisServer::options().appendonly().start();
    let client = Client::connect(&server.url()).await.unwrap();
    let sent = client.send(message().durability(Durability::synced(LONG))).await;
    let info = command(&server, "INFO", &["server"]).await.into_string().unwrap();
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap();
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().unwrap());
    let knows_waitaof = (numbers.next(), numbers.next()) >= (Some(7), Some(2));
    if knows_waitaof {
        sent.unwrap();
        assert_eq!(client.queue("q").unwrap().stats().await.unwrap().ready, 1);
        command(&server, "CONFIG", &["SET", "appendonly", "no"]).await;
        not_durable(client.send(message().durability(Durability::synced(LONG))).await);
    } else {
        let error = sent.unwrap_err();
        let SendError::Broker(cause) = &error else { panic!("{error:?}") };
        assert!(matches!(**cause, BrokerError::Refused { .. }) && error.to_string().contains("7.2"), "{error}");
        assert_eq!(client.queue("q").unwrap().stats().await.unwrap().ready, 0, "nothing was queued");
    }
}
