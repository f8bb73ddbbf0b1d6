//! The messages that are measured, the queues they wait on, and how the driver puts them there.
//!
//! The driver fills a list beside the queue and renames it when everybody is ready: then neither filling nor starting is
//! part of what is measured.

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{KeysInterface as _, ListInterface as _};
use ltq::BoxError;
use ltq_core::message::{Envelope, Message, MessageId};

use crate::tasks::{noop, retry_once};

/// Characters of the argument that makes a message about 160 bytes long.
pub(crate) const SMALL: usize = 80;
/// The argument sizes that are compared, and what they are called.
pub(crate) const SIZES: [(usize, &str); 3] = [(SMALL, "0.1 KB"), (1_000, "1 KB"), (10_000, "10 KB")];
/// How many messages one call of the driver carries.
const BATCH: usize = 500;

/// The name of a queue, by number.
pub(crate) fn queue(number: usize) -> String {
    if number == 0 { "bench".to_owned() } else { format!("bench-{number}") }
}

/// A key of a queue.
pub(crate) fn key(queue: &str, name: &str) -> String {
    format!("{{ltq:{queue}}}:{name}")
}

/// The argument of a no-op.
pub(crate) fn padding(size: usize) -> String {
    "x".repeat(size)
}

/// The bytes of a message as they wait in Redis.
pub(crate) fn payload(message: &Message, queue: &str) -> Result<Bytes, BoxError> {
    let id = MessageId::new();
    let args = message.args().map_err(ToString::to_string)?;
    Ok(Envelope::new(id, message.task(), queue, id.timestamp_ms(), args).encode())
}

/// No-ops as they wait in Redis.
pub(crate) fn payloads(queue: &str, size: usize, count: usize) -> Result<Vec<Bytes>, BoxError> {
    let message = noop.message(padding(size));
    (0..count).map(|_| payload(&message, queue)).collect()
}

/// Appends no-ops to the list `name` of a queue.
pub(crate) async fn fill(client: &Client, queue: &str, name: &str, size: usize, count: usize) -> Result<(), BoxError> {
    fill_with(client, queue, name, &noop.message(padding(size)), count).await
}

/// Puts messages beside the queues that fail once.
pub(crate) async fn hold_failing(client: &Client, queue: &str, count: usize) -> Result<(), BoxError> {
    fill_with(client, queue, "held", &retry_once.message(padding(SMALL)), count).await
}

/// Puts no-ops beside each of the queues.
pub(crate) async fn hold(client: &Client, queues: usize, size: usize, count: usize) -> Result<(), BoxError> {
    for number in 0..queues {
        fill(client, &queue(number), "held", size, count).await?;
    }
    Ok(())
}

/// Makes what was held ready, and wakes a worker of each queue.
pub(crate) async fn release(client: &Client, queues: usize) -> Result<(), BoxError> {
    let pipeline = client.pipeline();
    for queue in (0..queues).map(queue) {
        pipeline.rename::<(), _, _>(key(&queue, "held"), key(&queue, "ready")).await?;
        pipeline.rpush::<(), _, _>(key(&queue, "wake"), "1").await?;
    }
    pipeline.all::<()>().await?;
    Ok(())
}

async fn fill_with(client: &Client, queue: &str, name: &str, message: &Message, count: usize) -> Result<(), BoxError> {
    let mut left = count;
    while left > 0 {
        let batch = left.min(BATCH);
        let payloads: Vec<Bytes> = (0..batch).map(|_| payload(message, queue)).collect::<Result<_, _>>()?;
        client.rpush::<(), _, _>(key(queue, name), payloads).await?;
        left -= batch;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_message_is_about_160_bytes_long() {
        let length = payloads("bench", SMALL, 1).unwrap()[0].len();
        assert!((150..=170).contains(&length), "{length}");
    }
}
