//! One turn of a worker.

use std::time::Duration;

use bytes::Bytes;
use fred::types::Value;

use super::connect::Connection;
use super::keys::{MEMORY_SECONDS, QueueKeys};
use super::publish::{count, millis};
use super::script::{Reply, Script, script};
use crate::broker::{BrokerError, Delivered, Settlement, Turn, TurnReply};
use crate::message::MessageId;

static TURN: Script = script!("turn", "turn.lua");

/// Where the id stands in an envelope. The script has checked what stands before it.
const ID_RANGE: std::ops::Range<usize> = 4..20;

/// Makes the turn.
///
/// A turn that comes after a later one of the same worker is refused as a protocol error: only a repeat that nobody
/// waits for any more, or two workers under one id, can cause it.
pub(super) async fn turn(connection: &Connection, keys: &QueueKeys, turn: &Turn) -> Result<TurnReply, BrokerError> {
    let script_keys = vec![
        keys.ready(),
        keys.scheduled(),
        keys.active(&turn.worker),
        keys.holders(),
        keys.deliveries(),
        keys.dead(),
        keys.letters(),
        keys.wake(),
        keys.turn(&turn.worker),
        keys.counts(),
    ];
    let reply = TURN.run(connection, script_keys, arguments(turn)).await?;
    let mut reply = TURN.read(connection, reply, 8)?;
    let status = reply.int()?;
    if status == 2 {
        return Err(reply.odd(&format!("turn {} of {} came after a later one", turn.sequence, turn.worker)));
    }
    let now_ms = reply.count()?;
    let next_due = u64::try_from(reply.int()?).ok().map(Duration::from_millis);
    let more = reply.int()? == 1;
    let refused = reply.count()?;
    let trimmed = reply.count()?;
    let payloads = reply.list()?;
    let deliveries = deliveries(payloads, reply.list()?)?;
    Ok(TurnReply { lost: status == 1, refused, deliveries, now_ms, next_due, more, trimmed })
}

fn arguments(turn: &Turn) -> Vec<Value> {
    let mut done = Vec::new();
    let (mut retries, mut returns, mut deaths) = (Vec::new(), Vec::new(), Vec::new());
    for settlement in &turn.settlements {
        match settlement {
            Settlement::Done { id } => done.extend_from_slice(id.as_bytes()),
            Settlement::Retry { id, payload, delay } => retries.push((id, payload, delay)),
            Settlement::Return { id, payload } => returns.push((id, payload)),
            Settlement::Dead(letter) => deaths.push(letter),
        }
    }
    returns.sort_unstable_by_key(|(id, _)| **id);

    let mut args = Vec::with_capacity(12 + 3 * retries.len() + 2 * (returns.len() + deaths.len()));
    args.extend([
        turn.worker.as_str().into(),
        count(turn.sequence),
        Value::Integer(millis(turn.lease)),
        length(turn.want.min(Turn::MAX_WANT)),
        count(turn.discarded),
        count(turn.dead_limits.max_count),
        Value::Integer(millis(turn.dead_limits.max_age)),
        Value::Integer(MEMORY_SECONDS),
        Value::Bytes(done.into()),
        length(retries.len()),
        length(returns.len()),
        length(deaths.len()),
    ]);
    for (id, payload, delay) in retries {
        args.extend([id_value(*id), Value::Integer(millis(*delay)), Value::Bytes(payload.clone())]);
    }
    for (id, payload) in returns {
        args.extend([id_value(*id), Value::Bytes(payload.clone())]);
    }
    for letter in deaths {
        args.extend([id_value(letter.id), Value::Bytes(letter.encode())]);
    }
    args
}

/// An id as an argument.
pub(super) fn id_value(id: MessageId) -> Value {
    Value::Bytes(Bytes::copy_from_slice(id.as_bytes()))
}

fn length(number: usize) -> Value {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

/// Joins the payloads with what is special about some of them.
fn deliveries(mut payloads: Reply<'_>, mut exceptions: Reply<'_>) -> Result<Vec<Delivered>, BrokerError> {
    let mut special = std::collections::HashMap::with_capacity(exceptions.len() / 3);
    while exceptions.len() > 0 {
        let index = exceptions.count()?;
        special.insert(index, (exceptions.id()?, exceptions.count()?));
    }
    let mut delivered = Vec::with_capacity(payloads.len());
    for index in 1..=u64::try_from(payloads.len()).unwrap_or(u64::MAX) {
        let payload = payloads.bytes()?;
        let (id, recoveries) = match special.get(&index) {
            Some(special) => *special,
            None => {
                let id = payload.get(ID_RANGE).and_then(|id| <[u8; 16]>::try_from(id).ok());
                (MessageId::from_bytes(id.ok_or_else(|| payloads.odd("a payload without an id"))?), 0)
            }
        };
        delivered.push(Delivered { id, payload, recoveries });
    }
    Ok(delivered)
}
