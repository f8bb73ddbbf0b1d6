//! Extends a worker's lease.

use std::time::Duration;

use crate::broker::redis::keys::QueueKeys;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Script, parts, table};
use crate::broker::redis::link::value::{Value, millis};
use crate::broker::{BrokerError, Renewal, WorkerId};

table! {
    keys Keys { holders: SortedSet }
    args Args { worker, lease_ms, most }
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
) -> Result<Renewal, BrokerError> {
    let args = Args {
        worker: worker.as_str().into(),
        lease_ms: Value::Integer(millis(lease)),
        most: Value::Integer(MOST_EXPIRED),
    };
    let reply = RENEW.run(connection, Keys { holders: keys.holders() }.and([]), args.and(Vec::new())).await?;
    let mut reply = RENEW.read(connection, reply, 3)?;
    let held = reply.int()? == 1;
    let next_expiry = u64::try_from(reply.int()?).ok().map(Duration::from_millis);
    let mut names = reply.list()?;
    let mut expired = Vec::with_capacity(names.len());
    while names.len() > 0 {
        expired.push(WorkerId::from_name(&names.text()?));
    }
    Ok(Renewal { held, expired, next_expiry })
}
