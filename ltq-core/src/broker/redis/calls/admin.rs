//! Inspection and repair.

use bytes::Bytes;
use fred::interfaces::{HashesInterface, SetsInterface, SortedSetsInterface};
use fred::types::Value;

use super::turn::id_value;
use crate::broker::redis::keys::{self, QueueKeys};
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Script, parts, table};
use crate::broker::{BrokerError, QueueCounts, QueueStats, WorkerId};
use crate::message::{DeadLetter, MessageId, QueueName};

table! {
    keys ReplayKeys { dead: SortedSet, letters: Hash, ready: List, wake: List }
    args ReplayArgs { id, payload }
}
pub(crate) static REPLAY: Script =
    Script::new("replay", ReplayKeys::TABLE, ReplayArgs::NAMES, parts!["shared/token", "replay"]);
table! {
    keys ClearKeys { ready: List, scheduled: SortedSet, notes: Hash }
    args ClearArgs { most }
}
pub(crate) static CLEAR: Script =
    Script::new("clear", ClearKeys::TABLE, ClearArgs::NAMES, parts!["shared/number", "shared/envelope", "clear"]);
table! {
    keys DeleteKeys { dead: SortedSet, letters: Hash }
    args DeleteArgs { id }
}
pub(crate) static DELETE: Script = Script::new("delete", DeleteKeys::TABLE, DeleteArgs::NAMES, parts!["delete"]);
table! {
    keys StatsKeys { ready: List, scheduled: SortedSet, dead: SortedSet, holders: SortedSet, counts: Hash }
    args StatsArgs {}
}
pub(crate) static STATS: Script = Script::new(
    "stats",
    StatsKeys::TABLE,
    StatsArgs::NAMES,
    parts!["shared/number", "shared/place", "shared/block", "stats"],
);

/// The most dead letters one call reads.
const MOST_LETTERS: u64 = 1_000;
/// The most messages one call deletes.
const MOST_CLEARED: u64 = 500;
/// The most workers whose messages are counted.
const MOST_WORKERS: i64 = 1_000;

/// The queues that exist, sorted. Names this version would not accept are left out.
pub(crate) async fn queues(connection: &Connection, namespace: &str) -> Result<Vec<QueueName>, BrokerError> {
    let key = keys::queues(namespace);
    let names: Vec<String> = connection.call("queues", || connection.client().smembers(key.as_str())).await?;
    let mut queues: Vec<_> = names.iter().filter_map(|name| QueueName::new(name).ok()).collect();
    queues.sort_unstable();
    Ok(queues)
}

/// Numbers of one queue.
pub(crate) async fn stats(connection: &Connection, keys: &QueueKeys) -> Result<QueueStats, BrokerError> {
    let workers: Vec<String> = connection
        .call(STATS.call, || connection.client().zrange(keys.holders(), 0, MOST_WORKERS - 1, None, false, None, false))
        .await?;
    let script_keys = StatsKeys {
        ready: keys.ready(),
        scheduled: keys.scheduled(),
        dead: keys.dead(),
        holders: keys.holders(),
        counts: keys.counts(),
    };
    let of_workers = workers.iter().map(|name| WorkerId::from_name(name));
    let of_workers = of_workers.flat_map(|worker| [keys.active(&worker), keys.blocks(&worker)]);
    let reply = STATS.run(connection, script_keys.and(of_workers), StatsArgs {}.and(Vec::new())).await?;
    let mut reply = STATS.read(connection, reply, 6)?;
    let mut stats = QueueStats {
        ready: reply.count()?,
        scheduled: reply.count()?,
        dead: reply.count()?,
        workers: reply.count()?,
        active: reply.count()?,
        counts: QueueCounts::default(),
    };
    let mut counts = reply.list()?;
    while counts.len() > 0 {
        let name = counts.text()?;
        let number = counts.count()?;
        match name.as_str() {
            "done" => stats.counts.done = number,
            "retried" => stats.counts.retried = number,
            "returned" => stats.counts.returned = number,
            "dead" => stats.counts.dead = number,
            "recovered" => stats.counts.recovered = number,
            "refused" => stats.counts.refused = number,
            "trimmed" => stats.counts.trimmed = number,
            // A newer version counts more.
            _ => {}
        }
    }
    Ok(stats)
}

/// Dead letters, the latest first. One that is trimmed between the two reads is left out.
pub(crate) async fn dead_letters(
    connection: &Connection,
    keys: &QueueKeys,
    offset: u64,
    limit: u64,
) -> Result<Vec<DeadLetter>, BrokerError> {
    const CALL: &str = "dead_letters";
    let limit = limit.min(MOST_LETTERS);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let first = i64::try_from(offset).unwrap_or(i64::MAX);
    let last = first.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX) - 1);
    let times: Vec<(Bytes, f64)> =
        connection.call(CALL, || connection.client().zrevrange(keys.dead(), first, last, true)).await?;
    if times.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Bytes> = times.iter().map(|(id, _)| id.clone()).collect();
    let records: Vec<Option<Bytes>> =
        connection.call(CALL, || connection.client().hmget(keys.letters(), ids.clone())).await?;
    let found = times.into_iter().zip(records).filter_map(|((id, time), record)| Some((id, time, record?)));
    found.map(|(id, time, record)| letter(connection, CALL, &id, time, &record)).collect()
}

/// One dead letter.
pub(crate) async fn dead_letter(
    connection: &Connection,
    keys: &QueueKeys,
    id: MessageId,
) -> Result<Option<DeadLetter>, BrokerError> {
    const CALL: &str = "dead_letter";
    let client = connection.client();
    let time: Option<f64> = connection.call(CALL, || client.zscore(keys.dead(), id_value(id))).await?;
    let record: Option<Bytes> = connection.call(CALL, || client.hget(keys.letters(), id_key(id))).await?;
    let (Some(time), Some(record)) = (time, record) else { return Ok(None) };
    letter(connection, CALL, id.as_bytes(), time, &record).map(Some)
}

/// Replays a dead letter.
pub(crate) async fn replay(
    connection: &Connection,
    keys: &QueueKeys,
    id: MessageId,
    payload: Bytes,
) -> Result<bool, BrokerError> {
    let script_keys = ReplayKeys { dead: keys.dead(), letters: keys.letters(), ready: keys.ready(), wake: keys.wake() };
    let args = ReplayArgs { id: id_value(id), payload: Value::Bytes(payload) };
    let reply = REPLAY.run(connection, script_keys.and([]), args.and(Vec::new())).await?;
    Ok(REPLAY.number(connection, &reply)? == 1)
}

/// Deletes waiting messages.
pub(crate) async fn clear(connection: &Connection, keys: &QueueKeys, limit: u64) -> Result<u64, BrokerError> {
    let limit = i64::try_from(limit.min(MOST_CLEARED)).unwrap_or(i64::MAX);
    let script_keys = ClearKeys { ready: keys.ready(), scheduled: keys.scheduled(), notes: keys.notes() };
    let args = ClearArgs { most: Value::Integer(limit) };
    let reply = CLEAR.run(connection, script_keys.and([]), args.and(Vec::new())).await?;
    let deleted = CLEAR.number(connection, &reply)?;
    u64::try_from(deleted).map_err(|_| connection.odd_answer(CLEAR.call, "a negative count"))
}

/// Deletes a dead letter.
pub(crate) async fn delete_dead(connection: &Connection, keys: &QueueKeys, id: MessageId) -> Result<bool, BrokerError> {
    let script_keys = DeleteKeys { dead: keys.dead(), letters: keys.letters() };
    let reply = DELETE.run(connection, script_keys.and([]), DeleteArgs { id: id_value(id) }.and(Vec::new())).await?;
    Ok(DELETE.number(connection, &reply)? == 1)
}

fn id_key(id: MessageId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

fn letter(
    connection: &Connection,
    call: &'static str,
    id: &[u8],
    died_at_ms: f64,
    record: &Bytes,
) -> Result<DeadLetter, BrokerError> {
    let id = <[u8; 16]>::try_from(id).map_err(|_| connection.odd_answer(call, "an id is not 16 bytes long"))?;
    // Scores are whole milliseconds that a script wrote.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let died_at_ms = died_at_ms as u64;
    DeadLetter::decode(MessageId::from_bytes(id), died_at_ms, record)
        .map_err(|error| connection.odd_answer(call, &error.to_string()))
}
