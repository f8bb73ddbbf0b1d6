//! Puts a batch on a queue.

use std::time::UNIX_EPOCH;

use crate::broker::redis::keys::{MEMORY_SECONDS, QueueKeys};
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Script, script};
use crate::broker::redis::link::value::{Value, count, millis};
use crate::broker::{BrokerError, Publish};
use crate::message::Due;

static PUBLISH: Script = script!("publish", "publish.lua");

/// Publishes on the primary; a repeat changes nothing.
pub(crate) async fn publish(connection: &Connection, keys: &QueueKeys, batch: &Publish) -> Result<(), BrokerError> {
    let script_keys = vec![keys.ready(), keys.scheduled(), keys.wake(), keys.producer(batch.producer)];
    let reply = PUBLISH.run(connection, script_keys, arguments(batch)).await?;
    match PUBLISH.number(connection, &reply)? {
        0 | 1 => Ok(()),
        -1 => {
            Err(BrokerError::QueueFull { queue: batch.queue.to_string(), limit: batch.max_waiting.unwrap_or_default() })
        }
        _ => Err(connection.odd_answer(PUBLISH.call, "neither stored nor repeated")),
    }
}

fn arguments(batch: &Publish) -> Vec<Value> {
    let all_now = batch.entries.iter().all(|entry| entry.due == Due::Now);
    let mut args = Vec::with_capacity(4 + 2 * batch.entries.len());
    args.push(count(batch.sequence));
    args.push(Value::Integer(MEMORY_SECONDS));
    args.push(batch.max_waiting.map_or(Value::Integer(-1), count));
    args.push(Value::from_static_str(if all_now { "now" } else { "mixed" }));
    for entry in &batch.entries {
        if !all_now {
            args.push(when(entry.due));
        }
        args.push(Value::Bytes(entry.payload.clone()));
    }
    args
}

fn when(due: Due) -> Value {
    match due {
        Due::Now => Value::from_static_str(""),
        Due::After(delay) => format!("+{}", millis(delay)).into(),
        // Before 1970 is in the past like any other past.
        Due::At(time) => format!("@{}", millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())).into(),
    }
}
