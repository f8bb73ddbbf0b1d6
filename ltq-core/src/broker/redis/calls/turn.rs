//! One turn of a worker.
//!
//! What a turn takes as a batch is read from the list it lies in by a command of its own, which is sent together with the
//! script: a script that hands payloads on has to make strings of them, one by one, which costs the server more than all
//! else it does for a message.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::done::Done;
use crate::broker::redis::keys::{BATCHES, MEMORY_SECONDS, QueueKeys};
use crate::broker::redis::link::command::Command;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Reply, Script, script};
use crate::broker::redis::link::value::{Value, count, millis};
use crate::broker::{BrokerError, Delivered, Place, Settlement, Turn, TurnReply};
use crate::message::MessageId;

static TURN: Script = script!("turn", "turn.lua");

/// Makes the turn.
///
/// A turn that comes after a later one of the same worker is refused as a protocol error: only a repeat that nobody
/// waits for any more, or two workers under one id, can cause it.
pub(crate) async fn turn(
    connection: &Connection,
    keys: &QueueKeys,
    batch_from: usize,
    turn: &Turn,
) -> Result<TurnReply, BrokerError> {
    let worker = &turn.worker;
    let mut script_keys = vec![
        keys.ready(),
        keys.scheduled(),
        keys.active(worker),
        keys.holders(),
        keys.deliveries(),
        keys.dead(),
        keys.letters(),
        keys.wake(),
        keys.turn(worker),
        keys.counts(),
        keys.batches(worker),
    ];
    script_keys.extend(keys.each_batch(worker));
    let offers_batch = turn.want >= batch_from && (turn.backlog || batch_from <= 1);
    let args = arguments(turn, if offers_batch { batch_from } else { 0 });
    // On the heap, since it is large and moved.
    let call = Box::pin(TURN.run(connection, script_keys, args));
    let batch = keys.batch(worker, turn.sequence % BATCHES);
    let (reply, batched) = if offers_batch {
        // In this order they are sent.
        let (reply, batched) = tokio::join!(biased; call, read_batch(connection, &batch, turn.want));
        (reply?, batched?)
    } else {
        (call.await?, Vec::new())
    };
    let mut reply = TURN.read(connection, reply, 11)?;
    let status = reply.int()?;
    if status == 2 {
        return Err(reply.odd(&format!("turn {} of {} came after a later one", turn.sequence, turn.worker)));
    }
    let now_ms = reply.count()?;
    let next_due = u64::try_from(reply.int()?).ok().map(Duration::from_millis);
    let left = reply.int()?;
    let refused = reply.count()?;
    let trimmed = reply.count()?;
    let (payloads, numbers) = (reply.list()?, reply.bytes()?);
    let recoveries = recoveries(reply.list()?)?;
    let (size, head) = (reply.count()?, reply.bytes()?);
    let mut delivered = Vec::with_capacity(payloads.len().max(batched.len()));
    let mut deliver = |nth, payload| {
        let place = Place { turn: turn.sequence, nth };
        let recoveries = |id| recoveries.get(&id).copied().unwrap_or(0);
        delivered.push(Delivered::new(worker, place, payload, recoveries));
    };
    if size == 0 {
        one_by_one(payloads, &numbers, &mut deliver)?;
    } else {
        let list = whole_batch(connection, &batch, batched, &head, size).await?;
        list.into_iter().skip(1).zip(0..).for_each(|(payload, nth)| deliver(nth, payload));
    }
    Ok(TurnReply {
        lost: status == 1,
        refused,
        deliveries: delivered,
        now_ms,
        next_due,
        more: left > 0,
        backlog: left == 2,
        trimmed,
    })
}

fn arguments(turn: &Turn, batch_from: usize) -> Vec<Value> {
    let (mut done, mut recovered) = (Done::default(), Vec::new());
    let (mut retries, mut returns, mut deaths) = (Vec::new(), Vec::new(), Vec::new());
    for settlement in &turn.settlements {
        match settlement {
            Settlement::Done { place, recovered: false, .. } => done.add(*place),
            Settlement::Done { place, id, recovered: true } => {
                recovered.extend_from_slice(&place.to_bytes());
                recovered.extend_from_slice(id.as_bytes());
            }
            Settlement::Retry { place, payload, delay, .. } => retries.push((place, payload, delay)),
            Settlement::Return { place, payload, .. } => returns.push((place, payload)),
            Settlement::Dead { place, letter } => deaths.push((place, letter)),
        }
    }
    returns.sort_unstable_by_key(|(place, _)| **place);

    let mut args = Vec::with_capacity(14 + 3 * (retries.len() + deaths.len()) + 2 * returns.len());
    args.extend([
        turn.worker.as_str().into(),
        count(turn.sequence),
        Value::Integer(millis(turn.lease)),
        length(turn.want.min(Turn::MAX_WANT)),
        count(turn.discarded),
        count(turn.dead_limits.max_count),
        Value::Integer(millis(turn.dead_limits.max_age)),
        Value::Integer(MEMORY_SECONDS),
        length(batch_from),
        Value::Bytes(done.encode().into()),
        Value::Bytes(recovered.into()),
        length(retries.len()),
        length(returns.len()),
        length(deaths.len()),
    ]);
    for (place, payload, delay) in retries {
        args.extend([place_value(*place), Value::Integer(millis(*delay)), Value::Bytes(payload.clone())]);
    }
    for (place, payload) in returns {
        args.extend([place_value(*place), Value::Bytes(payload.clone())]);
    }
    for (place, letter) in deaths {
        args.extend([place_value(*place), letter.id.into(), Value::Bytes(letter.encode())]);
    }
    args
}

fn place_value(place: Place) -> Value {
    Value::Bytes(Bytes::copy_from_slice(&place.to_bytes()))
}

fn length(number: usize) -> Value {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

/// How often messages were recovered, by id.
fn recoveries(mut told: Reply<'_>) -> Result<HashMap<MessageId, u64>, BrokerError> {
    let mut recoveries = HashMap::with_capacity(told.len() / 2);
    while told.len() > 0 {
        recoveries.insert(told.id()?, told.count()?);
    }
    Ok(recoveries)
}

/// What was taken one by one. The `numbers` say which of the turn they are, where some are missing.
fn one_by_one(
    mut payloads: Reply<'_>,
    numbers: &[u8],
    deliver: &mut impl FnMut(u16, Bytes),
) -> Result<(), BrokerError> {
    for index in (0_u16..).take(payloads.len()) {
        let at = 2 * usize::from(index);
        let nth = numbers.get(at..at + 2).map_or(index, |nth| u16::from_be_bytes([nth[0], nth[1]]));
        deliver(nth, payloads.bytes()?);
    }
    Ok(())
}

/// The list of a batch of at most `want` messages.
async fn read_batch(connection: &Connection, batch: &str, want: usize) -> Result<Vec<Bytes>, BrokerError> {
    let last = i64::try_from(want).unwrap_or(i64::MAX);
    let command = Command::on(TURN.call, "LRANGE", batch, [Value::Integer(0), Value::Integer(last)]);
    connection.command(command).await?.all_bytes()
}

/// The list of a batch of `size` messages that begins with `head`: the one read along with the script, if that is it.
///
/// Calls that are sent again after some trouble can change their order, and then the list is read once more. Another
/// worker may have recovered the messages by then. That is an error: the repeat of the turn tells what is left.
async fn whole_batch(
    connection: &Connection,
    batch: &str,
    mut list: Vec<Bytes>,
    head: &Bytes,
    size: u64,
) -> Result<Vec<Bytes>, BrokerError> {
    let is_whole = |list: &[Bytes]| list.first() == Some(head) && u64::try_from(list.len()) == Ok(size + 1);
    if !is_whole(&list) {
        list = read_batch(connection, batch, Turn::MAX_WANT).await?;
    }
    if is_whole(&list) {
        Ok(list)
    } else {
        Err(connection.odd_answer(TURN.call, "what it took is gone: another worker may have recovered it"))
    }
}
