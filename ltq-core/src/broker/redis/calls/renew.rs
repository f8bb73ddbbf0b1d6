//! Extends a worker's lease, and tells of its process.

use std::time::Duration;

use super::records;
use crate::broker::redis::keys::QueueKeys;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Script, parts, table};
use crate::broker::redis::link::value::{Value, count, millis};
use crate::broker::{Ask, BrokerError, ProcessState, Renewal, WorkerId};

table! {
    keys Keys { holders: SortedSet, record: Hash }
    args Args { worker, lease_ms, most, busy, running }
}
pub(crate) static RENEW: Script =
    Script::new("renew", Keys::TABLE, Args::NAMES, parts!["shared/clock", "shared/number", "renew"]);

/// How many expired workers one renewal reports; the next renewal reports the others.
const MOST_EXPIRED: i64 = 10;

/// Renews.
pub(crate) async fn renew(
    connection: &Connection,
    keys: &QueueKeys,
    worker: &WorkerId,
    lease: Duration,
    process: Option<&ProcessState>,
) -> Result<Renewal, BrokerError> {
    let args = Args {
        worker: worker.as_str().into(),
        lease_ms: Value::Integer(millis(lease)),
        most: Value::Integer(MOST_EXPIRED),
        busy: process.map_or(Value::from_static_str(""), |state| count(state.busy)),
        running: process.map_or(Value::from_static_str(""), |state| Value::Bytes(records::running(&state.running))),
    };
    let description = process.and_then(|state| state.description.as_deref());
    let script_keys = Keys { holders: keys.holders(), record: keys.process(&worker.process()) };
    let args = args.and(description.map(records::described).unwrap_or_default());
    let reply = RENEW.run(connection, script_keys.and([]), args).await?;
    let mut reply = RENEW.read(connection, reply, 5)?;
    let held = reply.int()? == 1;
    let next_expiry = u64::try_from(reply.int()?).ok().map(Duration::from_millis);
    let mut names = reply.list()?;
    let mut expired = Vec::with_capacity(names.len());
    while names.len() > 0 {
        expired.push(WorkerId::from_name(&names.text()?));
    }
    let describe = reply.int()? == 1;
    let ask = Ask::from_name(&reply.text()?);
    Ok(Renewal { held, expired, next_expiry, describe, ask })
}
