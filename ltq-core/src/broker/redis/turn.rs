//! One turn of a worker.
//!
//! What a turn takes as a batch is read from the list it lies in by a command of its own, which is sent together with the
//! script: a script that hands payloads on has to make strings of them, one by one, which costs the server more than all
//! else it does for a message.

use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::ListInterface;
use fred::types::Value;

use super::connect::Connection;
use super::done::{Done, place_bytes};
use super::keys::{BATCHES, MEMORY_SECONDS, QueueKeys};
use super::publish::{count, millis};
use super::script::{Reply, Script, script};
use crate::broker::{BrokerError, Delivered, Place, Settlement, Turn, TurnReply};
use crate::message::MessageId;

static TURN: Script = script!("turn", "turn.lua");

/// Makes the turn.
///
/// A turn that comes after a later one of the same worker is refused as a protocol error: only a repeat that nobody
/// waits for any more, or two workers under one id, can cause it.
pub(super) async fn turn(
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
        let (reply, batched) = tokio::join!(biased; call, read_batch(connection, &batch));
        (reply?, batched?)
    } else {
        (call.await?, Vec::new())
    };
    let mut reply = TURN.read(connection, reply, 10)?;
    let status = reply.int()?;
    if status == 2 {
        return Err(reply.odd(&format!("turn {} of {} came after a later one", turn.sequence, turn.worker)));
    }
    let now_ms = reply.count()?;
    let next_due = u64::try_from(reply.int()?).ok().map(Duration::from_millis);
    let more = reply.int()? == 1;
    let refused = reply.count()?;
    let trimmed = reply.count()?;
    let one_by_one = deliveries(turn, &mut reply)?;
    let deliveries = match reply.count()? {
        0 => one_by_one,
        size => batch_deliveries(connection, turn, &batch, batched, size).await?,
    };
    Ok(TurnReply { lost: status == 1, refused, deliveries, now_ms, next_due, more, trimmed })
}

fn arguments(turn: &Turn, batch_from: usize) -> Vec<Value> {
    let mut done = Done::default();
    let (mut retries, mut returns, mut deaths) = (Vec::new(), Vec::new(), Vec::new());
    for settlement in &turn.settlements {
        match settlement {
            Settlement::Done { place, .. } => done.add(*place),
            Settlement::Retry { place, payload, delay, .. } => retries.push((place, payload, delay)),
            Settlement::Return { place, payload, .. } => returns.push((place, payload)),
            Settlement::Dead { place, letter } => deaths.push((place, letter)),
        }
    }
    returns.sort_unstable_by_key(|(place, _)| **place);

    let mut args = Vec::with_capacity(13 + 3 * (retries.len() + deaths.len()) + 2 * returns.len());
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
        args.extend([place_value(*place), id_value(letter.id), Value::Bytes(letter.encode())]);
    }
    args
}

/// An id as an argument.
pub(super) fn id_value(id: MessageId) -> Value {
    Value::Bytes(Bytes::copy_from_slice(id.as_bytes()))
}

fn place_value(place: Place) -> Value {
    Value::Bytes(Bytes::copy_from_slice(&place_bytes(place)))
}

fn length(number: usize) -> Value {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

/// What was taken one by one: the payloads, their places unless they are 0, 1 and so on, and the recoveries of some.
fn deliveries(turn: &Turn, reply: &mut Reply<'_>) -> Result<Vec<Delivered>, BrokerError> {
    let mut payloads = reply.list()?;
    let places = reply.bytes()?;
    let mut recovered = reply.list()?;
    let mut recoveries = std::collections::HashMap::with_capacity(recovered.len() / 2);
    while recovered.len() > 0 {
        recoveries.insert(recovered.count()?, recovered.count()?);
    }
    let mut delivered = Vec::with_capacity(payloads.len());
    for (index, number) in (0_u16..).zip(1..=u64::try_from(payloads.len()).unwrap_or(u64::MAX)) {
        let at = 2 * usize::from(index);
        let nth = match places.get(at..at + 2) {
            Some(nth) => u16::from_be_bytes([nth[0], nth[1]]),
            None => index,
        };
        let place = Place { turn: turn.sequence, nth };
        let recoveries = recoveries.get(&number).copied().unwrap_or(0);
        delivered.push(Delivered::new(&turn.worker, place, payloads.bytes()?, recoveries));
    }
    Ok(delivered)
}

/// The list of a batch: the turn that took it, then the payloads.
async fn read_batch(connection: &Connection, batch: &str) -> Result<Vec<Value>, BrokerError> {
    let list = connection.call(TURN.call, || connection.client().lrange::<Value, _>(batch, 0, -1)).await?;
    Ok(if let Value::Array(elements) = list { elements } else { Vec::new() })
}

/// What was taken as a batch of `size`.
///
/// The list that was read belongs to it only if it says so: calls that are sent again after some trouble can change their
/// order, and then it is read once more. Another worker may have recovered the messages by then. That is an error: the
/// repeat of the turn tells what is left.
async fn batch_deliveries(
    connection: &Connection,
    turn: &Turn,
    batch: &str,
    mut list: Vec<Value>,
    size: u64,
) -> Result<Vec<Delivered>, BrokerError> {
    let is_whole = |list: &[Value]| {
        let of = list.first().and_then(Value::as_u64);
        of == Some(turn.sequence) && u64::try_from(list.len()) == Ok(size + 1)
    };
    if !is_whole(&list) {
        list = read_batch(connection, batch).await?;
    }
    if !is_whole(&list) {
        return Err(connection.odd_answer(TURN.call, "what it took is gone: another worker may have recovered it"));
    }
    let delivered = list.into_iter().skip(1).zip(0..).map(|(payload, nth)| {
        let payload = payload.into_bytes().ok_or_else(|| connection.odd_answer(TURN.call, "bytes were expected"))?;
        Ok(Delivered::new(&turn.worker, Place { turn: turn.sequence, nth }, payload, 0))
    });
    delivered.collect()
}
