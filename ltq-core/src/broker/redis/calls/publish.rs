//! Puts a bulk on a queue.

use std::time::UNIX_EPOCH;

use crate::broker::redis::keys::{MEMORY_SECONDS, QueueKeys};
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Reply, Script, parts, table};
use crate::broker::redis::link::value::{Value, count, millis};
use crate::broker::{Answer, BrokerError, Publish, Published};
use crate::message::Due;

table! {
    keys Keys { ready: List, scheduled: SortedSet, wake: List, producer: String }
    args Args { sequence, memory_seconds, most, kind }
}
macro_rules! publish_parts {
    ($reply:literal) => {
        parts![
            "shared/clock",
            "shared/number",
            "shared/types",
            "shared/token",
            $reply,
            "publish/repeat",
            "publish/store",
        ]
    };
}
pub(crate) static PUBLISH: Script =
    Script::new("publish", Keys::TABLE, Args::NAMES, publish_parts!("publish/plain_reply"));
/// Says what became of each entry.
pub(crate) static PUBLISH_ANSWERED: Script =
    Script::new("publish_answered", Keys::TABLE, Args::NAMES, publish_parts!("publish/answered_reply"));

/// Publishes on the primary; a repeat changes nothing.
pub(crate) async fn publish(
    connection: &Connection,
    keys: &QueueKeys,
    bulk: &Publish,
) -> Result<Published, BrokerError> {
    let script_keys = Keys {
        ready: keys.ready(),
        scheduled: keys.scheduled(),
        wake: keys.wake(),
        producer: keys.producer(bulk.producer),
    };
    let (kind, entries) = entries(bulk);
    let args = Args {
        sequence: count(bulk.sequence),
        memory_seconds: Value::Integer(MEMORY_SECONDS),
        most: bulk.max_waiting.map_or(Value::Integer(-1), count),
        kind,
    };
    let script = if bulk.answered { &PUBLISH_ANSWERED } else { &PUBLISH };
    let reply = script.run(connection, script_keys.and([]), args.and(entries)).await?;
    let (status, answers) = if bulk.answered {
        let mut reply = script.read(connection, reply, 2)?;
        (reply.int()?, read_answers(&mut reply)?)
    } else {
        (script.number(connection, &reply)?, Vec::new())
    };
    match status {
        0 | 1 => Ok(Published { answers }),
        -1 => {
            Err(BrokerError::QueueFull { queue: bulk.queue.to_string(), limit: bulk.max_waiting.unwrap_or_default() })
        }
        _ => Err(connection.odd_answer(PUBLISH.call, "neither stored nor repeated")),
    }
}

/// A byte for each entry.
fn read_answers(reply: &mut Reply<'_>) -> Result<Vec<Answer>, BrokerError> {
    let answers = reply.bytes()?;
    let read = |answer: &u8| match answer {
        b'n' => Ok(Answer::New),
        _ => Err(reply.odd("an answer of a newer version")),
    };
    answers.iter().map(read).collect()
}

/// How the entries are written, and the entries.
fn entries(bulk: &Publish) -> (Value, Vec<Value>) {
    if bulk.entries.iter().all(|entry| entry.due == Due::Now) {
        let entries = bulk.entries.iter().map(|entry| Value::Bytes(entry.payload.clone()));
        return (Value::from_static_str("now"), entries.collect());
    }
    let entries = bulk.entries.iter().flat_map(|entry| [when(entry.due), Value::Bytes(entry.payload.clone())]);
    (Value::from_static_str("mixed"), entries.collect())
}

fn when(due: Due) -> Value {
    match due {
        Due::Now => Value::from_static_str(""),
        Due::After(delay) => format!("+{}", millis(delay)).into(),
        // Before 1970 is in the past like any other past.
        Due::At(time) => format!("@{}", millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())).into(),
    }
}
