//! Inspection and repair.

use bytes::Bytes;

use crate::broker::redis::keys::{self, QueueKeys};
use crate::broker::redis::link::command::Command;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Reply, Script, parts, table};
use crate::broker::redis::link::value::Value;
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
pub(super) const MOST_WORKERS: i64 = 1_000;

/// The queues that exist, sorted. Names this version would not accept are left out.
pub(crate) async fn queues(connection: &Connection, namespace: &str) -> Result<Vec<QueueName>, BrokerError> {
    let key = keys::queues(namespace);
    let names = connection.command(Command::on("queues", "SMEMBERS", &key, [])).await?.all_bytes()?;
    let names = names.iter().filter_map(|name| std::str::from_utf8(name).ok());
    let mut queues: Vec<_> = names.filter_map(|name| QueueName::new(name).ok()).collect();
    queues.sort_unstable();
    Ok(queues)
}

/// Numbers of one queue.
pub(crate) async fn stats(connection: &Connection, keys: &QueueKeys) -> Result<QueueStats, BrokerError> {
    let range = [Value::Integer(0), Value::Integer(MOST_WORKERS - 1)];
    let mut workers = connection.command(Command::on(STATS.call, "ZRANGE", &keys.holders(), range)).await?;
    let script_keys = StatsKeys {
        ready: keys.ready(),
        scheduled: keys.scheduled(),
        dead: keys.dead(),
        holders: keys.holders(),
        counts: keys.counts(),
    };
    let mut of_workers = Vec::with_capacity(2 * workers.len());
    while workers.len() > 0 {
        let worker = WorkerId::from_name(&workers.text()?);
        of_workers.extend([keys.active(&worker), keys.blocks(&worker)]);
    }
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
    let range = [Value::Integer(first), Value::Integer(last), Value::from_static_str("WITHSCORES")];
    let mut dead = connection.command(Command::on(CALL, "ZREVRANGE", &keys.dead(), range)).await?;
    let mut times = Vec::with_capacity(dead.len() / 2);
    while dead.len() > 0 {
        times.push((dead.bytes()?, score(&mut dead)?.unwrap_or_default()));
    }
    if times.is_empty() {
        return Ok(Vec::new());
    }
    let ids = times.iter().map(|(id, _)| Value::Bytes(id.clone()));
    let mut records = connection.command(Command::on(CALL, "HMGET", &keys.letters(), ids)).await?;
    let mut letters = Vec::with_capacity(times.len());
    for (id, time) in times {
        if let Some(record) = records.maybe_bytes()? {
            letters.push(letter(connection, CALL, &id, time, &record)?);
        }
    }
    Ok(letters)
}

/// One dead letter.
pub(crate) async fn dead_letter(
    connection: &Connection,
    keys: &QueueKeys,
    id: MessageId,
) -> Result<Option<DeadLetter>, BrokerError> {
    const CALL: &str = "dead_letter";
    let mut time = connection.command(Command::on(CALL, "ZSCORE", &keys.dead(), [id.into()])).await?;
    let mut record = connection.command(Command::on(CALL, "HGET", &keys.letters(), [id.into()])).await?;
    let (time, record) = (score(&mut time)?, record.maybe_bytes()?);
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
    let args = ReplayArgs { id: id.into(), payload: Value::Bytes(payload) };
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
    let reply = DELETE.run(connection, script_keys.and([]), DeleteArgs { id: id.into() }.and(Vec::new())).await?;
    Ok(DELETE.number(connection, &reply)? == 1)
}

/// The next element, a time in milliseconds as a score.
fn score(reply: &mut Reply<'_>) -> Result<Option<f64>, BrokerError> {
    let Some(text) = reply.maybe_bytes()? else { return Ok(None) };
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| reply.odd("a score is not a number"))
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
