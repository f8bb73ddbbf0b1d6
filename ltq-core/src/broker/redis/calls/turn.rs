//! One turn of a worker.
//!
//! What a turn takes as a block is read from the list it lies in by a command of its own, which is sent together with the
//! script: a script that hands payloads on has to make strings of them, one by one, which costs the server more than all
//! else it does for a message.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::settled::{Settled, length};
use crate::broker::redis::keys::{BLOCKS, MEMORY_SECONDS, QueueKeys};
use crate::broker::redis::link::command::Command;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Reply, Script, parts, table};
use crate::broker::redis::link::value::{Value, count, millis};
use crate::broker::{BrokerError, Delivered, Place, Turn, TurnReply, WorkerId};
use crate::message::MessageId;

table! {
    keys Keys {
        ready: List,
        scheduled: SortedSet,
        active: Hash,
        holders: SortedSet,
        notes: Hash,
        dead: SortedSet,
        letters: Hash,
        wake: List,
        turn: String,
        counts: Hash,
        blocks: Hash,
    }
    args Args {
        worker,
        sequence,
        lease_ms,
        want,
        discarded,
        most_dead,
        oldest_dead_ms,
        memory_seconds,
        least,
        done,
        dones,
        retries,
        returns,
        deaths,
    }
}
macro_rules! turn_parts {
    ($kind:literal) => {
        parts![
            "shared/clock",
            "shared/number",
            "shared/types",
            "shared/envelope",
            "shared/place",
            "shared/block",
            "shared/token",
            "shared/count",
            $kind,
            "turn/begin",
            "turn/flags",
            "turn/reply",
            "turn/repeat",
            "turn/register",
            "settle/hands",
            "effects/forget",
            "effects/apply",
            "settle/done",
            "settle/retry",
            "settle/return",
            "settle/dead",
            "settle/empty",
            "turn/trim",
            "turn/promote",
            "turn/take",
            "turn/finish",
        ]
    };
}
/// Serves plain messages, and says so where there is more.
pub(crate) static TURN: Script = Script::new("turn", Keys::TABLE, Args::NAMES, turn_parts!("turn/plain"));
/// Serves every queue.
pub(crate) static TURN_FULL: Script = Script::new("turn_full", Keys::TABLE, Args::NAMES, turn_parts!("turn/full"));

/// The number of a status, as `lua/turn/reply.lua` gives it.
mod status {
    pub(super) const LOST: i64 = 1;
    pub(super) const TOO_OLD: i64 = 2;
    pub(super) const USE_FULL: i64 = 3;
}

/// Makes the turn.
///
/// A turn that comes after a later one of the same worker is refused as a protocol error: only a repeat that nobody
/// waits for any more, or two workers under one id, can cause it.
///
/// The plain script answers that a queue needs the full one without having done anything; the same turn is made by that
/// one then.
pub(crate) async fn turn(
    connection: &Connection,
    keys: &QueueKeys,
    block_from: usize,
    turn: &Turn,
) -> Result<TurnReply, BrokerError> {
    if !turn.full
        && let Some(reply) = run(&TURN, connection, keys, block_from, turn).await?
    {
        return Ok(reply);
    }
    let reply = run(&TURN_FULL, connection, keys, block_from, turn).await?;
    reply.ok_or_else(|| connection.odd_answer(TURN_FULL.call, "the full script asks for the full script"))
}

/// Makes the turn by one of the scripts; nothing where it asks for the other.
async fn run(
    script: &'static Script,
    connection: &Connection,
    keys: &QueueKeys,
    block_from: usize,
    turn: &Turn,
) -> Result<Option<TurnReply>, BrokerError> {
    let worker = &turn.worker;
    let list = keys.block(worker, turn.sequence % BLOCKS);
    let (mut reply, block) = call(script, connection, keys, block_from, &list, turn).await?;
    let status = reply.int()?;
    match status {
        status::TOO_OLD => {
            return Err(reply.odd(&format!("turn {} of {} came after a later one", turn.sequence, turn.worker)));
        }
        status::USE_FULL => return Ok(None),
        _ => {}
    }
    let now_ms = reply.count()?;
    let next_due = u64::try_from(reply.int()?).ok().map(Duration::from_millis);
    let left = reply.int()?;
    let refused = reply.count()?;
    let trimmed = reply.count()?;
    let (payloads, indexes) = (reply.list()?, reply.bytes()?);
    let recoveries = recoveries(reply.list()?)?;
    let (size, head) = (reply.count()?, reply.bytes()?);
    let full = reply.int()? == 1;
    let mut delivered = Vec::with_capacity(payloads.len().max(block.len()));
    let mut deliver = |index, payload| {
        let place = Place { turn: turn.sequence, index };
        let recoveries = |id| recoveries.get(&id).copied().unwrap_or(0);
        delivered.push(Delivered::new(worker, place, payload, recoveries));
    };
    if size == 0 {
        one_by_one(payloads, &indexes, &mut deliver)?;
    } else {
        let block = whole_block(connection, &list, block, &head, size).await?;
        block.into_iter().skip(1).zip(0..).for_each(|(payload, index)| deliver(index, payload));
    }
    Ok(Some(TurnReply {
        lost: status == status::LOST,
        refused,
        taken: delivered,
        now_ms,
        next_due,
        more: left > 0,
        backlog: left == 2,
        full,
        trimmed,
    }))
}

/// Calls the script, and reads the list of the block that it may take; without a block the list is empty.
async fn call<'a>(
    script: &'static Script,
    connection: &'a Connection,
    keys: &QueueKeys,
    block_from: usize,
    list: &str,
    turn: &Turn,
) -> Result<(Reply<'a>, Vec<Bytes>), BrokerError> {
    let offers_block = turn.want >= block_from && (turn.backlog || block_from <= 1);
    let args = arguments(turn, if offers_block { block_from } else { 0 });
    // On the heap, since it is large and moved.
    let call = Box::pin(script.run(connection, script_keys(keys, &turn.worker), args));
    let (reply, block) = if offers_block {
        // In this order they are sent.
        let (reply, block) = tokio::join!(biased; call, read_block(connection, list, turn.want));
        (reply?, block?)
    } else {
        (call.await?, Vec::new())
    };
    Ok((script.read(connection, reply, 12)?, block))
}

fn script_keys(keys: &QueueKeys, worker: &WorkerId) -> Vec<String> {
    let named = Keys {
        ready: keys.ready(),
        scheduled: keys.scheduled(),
        active: keys.active(worker),
        holders: keys.holders(),
        notes: keys.notes(),
        dead: keys.dead(),
        letters: keys.letters(),
        wake: keys.wake(),
        turn: keys.turn(worker),
        counts: keys.counts(),
        blocks: keys.blocks(worker),
    };
    named.and(keys.each_block(worker))
}

fn arguments(turn: &Turn, least: usize) -> Vec<Value> {
    let settled = Settled::sorted(&turn.settlements);
    let named = Args {
        worker: turn.worker.as_str().into(),
        sequence: count(turn.sequence),
        lease_ms: Value::Integer(millis(turn.lease)),
        want: length(turn.want.min(Turn::MAX_WANT)),
        discarded: count(turn.discarded),
        most_dead: count(turn.dead_limits.max_count),
        oldest_dead_ms: Value::Integer(millis(turn.dead_limits.max_age)),
        memory_seconds: Value::Integer(MEMORY_SECONDS),
        least: length(least),
        done: Value::Bytes(settled.done.encode().into()),
        dones: length(settled.dones.len()),
        retries: length(settled.retries.len()),
        returns: length(settled.returns.len()),
        deaths: length(settled.deaths.len()),
    };
    named.and(settled.arguments())
}

/// How often messages were recovered, by id.
fn recoveries(mut told: Reply<'_>) -> Result<HashMap<MessageId, u64>, BrokerError> {
    let mut recoveries = HashMap::with_capacity(told.len() / 2);
    while told.len() > 0 {
        let (note, value) = (told.bytes()?, told.bytes()?);
        // Beside the recoveries of ids there are flags, which this version may not know.
        if let Ok(id) = <[u8; 16]>::try_from(note.as_ref()) {
            let times = std::str::from_utf8(&value).ok().and_then(|times| times.parse().ok());
            recoveries.insert(MessageId::from_bytes(id), times.ok_or_else(|| told.odd("a count of recoveries"))?);
        }
    }
    Ok(recoveries)
}

/// What was taken one by one. The `indexes` say where among what the turn took each stood, where some are missing.
fn one_by_one(
    mut payloads: Reply<'_>,
    indexes: &[u8],
    deliver: &mut impl FnMut(u16, Bytes),
) -> Result<(), BrokerError> {
    for index in (0_u16..).take(payloads.len()) {
        let at = 2 * usize::from(index);
        let index = indexes.get(at..at + 2).map_or(index, |pair| u16::from_be_bytes([pair[0], pair[1]]));
        deliver(index, payloads.bytes()?);
    }
    Ok(())
}

/// The list of a block of at most `want` messages.
async fn read_block(connection: &Connection, list: &str, want: usize) -> Result<Vec<Bytes>, BrokerError> {
    let last = i64::try_from(want).unwrap_or(i64::MAX);
    connection
        .command(Command::on(TURN.call, "LRANGE", list, [Value::Integer(0), Value::Integer(last)]))
        .await?
        .all_bytes()
}

/// The list of a block of `size` messages that begins with `head`: the one read along with the script, if that is it.
///
/// Calls that are sent again after some trouble can change their order, and then the list is read once more. Another
/// worker may have recovered the messages by then. That is an error: the repeat of the turn tells what is left.
async fn whole_block(
    connection: &Connection,
    list: &str,
    mut block: Vec<Bytes>,
    head: &Bytes,
    size: u64,
) -> Result<Vec<Bytes>, BrokerError> {
    let is_whole = |block: &[Bytes]| block.first() == Some(head) && u64::try_from(block.len()) == Ok(size + 1);
    if !is_whole(&block) {
        block = read_block(connection, list, Turn::MAX_WANT).await?;
    }
    if is_whole(&block) {
        Ok(block)
    } else {
        Err(connection.odd_answer(TURN.call, "what it took is gone: another worker may have recovered it"))
    }
}
