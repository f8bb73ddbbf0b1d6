//! What is special to the Redis broker; what every broker promises is in the conformance suite.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod keys;
mod maxmemory;
mod refusals;
mod repeats;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::Value;
use fred::types::config::{Config, ServerConfig};
use fred::types::{ClusterHash, CustomCommand};
use ltq_core::broker::{
    Broker, ConnectOptions, DeadLimits, Delivered, Entry, ProducerId, Publish, Settlement, Turn, WorkerId, connect,
};
use ltq_core::message::{Due, Envelope, MessageId, QueueName};
use ltq_tests::redis_server::RedisServer;

const LEASE: Duration = Duration::from_secs(60);

async fn broker(server: &RedisServer) -> Arc<dyn Broker> {
    connect(&server.unix_url(), &ConnectOptions::default()).await.unwrap()
}

fn queue() -> QueueName {
    QueueName::new("q").unwrap()
}

/// An encoded envelope with a new id.
fn envelope() -> (MessageId, Bytes) {
    let id = MessageId::new();
    (id, Envelope::new(id, "task", "q", 1, b"\x80").encode())
}

fn envelopes(count: usize) -> Vec<(MessageId, Bytes)> {
    (0..count).map(|_| envelope()).collect()
}

fn batch(producer: ProducerId, sequence: u64, payloads: impl IntoIterator<Item = Bytes>, due: Due) -> Publish {
    let entries = payloads.into_iter().map(|payload| Entry { payload, due }).collect();
    Publish::new(queue(), producer, sequence, entries)
}

/// Publishes messages that are ready at once; returns their ids.
async fn publish(broker: &dyn Broker, count: usize) -> Vec<MessageId> {
    let (ids, payloads): (Vec<_>, Vec<_>) = envelopes(count).into_iter().unzip();
    broker.publish(&batch(ProducerId::new(), 1, payloads, Due::Now)).await.unwrap();
    ids
}

fn turn(worker: &WorkerId, sequence: u64, want: usize, settlements: Vec<Settlement>) -> Turn {
    Turn {
        queue: queue(),
        worker: worker.clone(),
        sequence,
        lease: LEASE,
        settlements,
        want,
        backlog: true,
        full: false,
        discarded: 0,
        dead_limits: DeadLimits::default(),
    }
}

fn done(taken: &[Delivered]) -> Vec<Settlement> {
    taken.iter().map(Delivered::done).collect()
}

/// A bare client beside the broker.
pub(crate) async fn bare(server: &RedisServer) -> Client {
    let config = Config { server: ServerConfig::new_unix_socket(server.socket()), ..Config::default() };
    let client = Client::new(config, None, None, None);
    client.init().await.unwrap();
    client
}

async fn command(client: &Client, name: &'static str, args: &[&str]) -> Value {
    let args: Vec<Value> = args.iter().map(|arg| (*arg).into()).collect();
    client.custom(CustomCommand::new_static(name, ClusterHash::FirstKey, false), args).await.unwrap()
}
