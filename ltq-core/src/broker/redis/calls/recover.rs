//! Returns the messages of a worker to its queue.

use crate::broker::redis::keys::QueueKeys;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Script, parts, table};
use crate::broker::redis::link::value::Value;
use crate::broker::{BrokerError, Recovered, Recovery, WorkerId};

table! {
    keys Keys {
        ready: List, active: Hash, holders: SortedSet, notes: Hash, wake: List, turn: String, counts: Hash, blocks: Hash,
        record: Hash,
    }
    args Args { worker, mode, most }
}
pub(crate) static RECOVER: Script = Script::new(
    "recover",
    Keys::TABLE,
    Args::NAMES,
    parts![
        "shared/clock",
        "shared/number",
        "shared/envelope",
        "shared/place",
        "shared/block",
        "shared/token",
        "shared/count",
        "recover",
    ],
);

/// How many messages one call moves.
const MOST_MESSAGES: i64 = 500;

/// Recovers a part; call again while there is more.
pub(crate) async fn recover(
    connection: &Connection,
    keys: &QueueKeys,
    worker: &WorkerId,
    recovery: Recovery,
) -> Result<Recovered, BrokerError> {
    let mode = match recovery {
        Recovery::Expired => "expired",
        Recovery::Leaving => "leaving",
    };
    let script_keys = Keys {
        ready: keys.ready(),
        active: keys.active(worker),
        holders: keys.holders(),
        notes: keys.notes(),
        wake: keys.wake(),
        turn: keys.turn(worker),
        counts: keys.counts(),
        blocks: keys.blocks(worker),
        record: keys.process(&worker.process()),
    };
    let args = Args {
        worker: worker.as_str().into(),
        mode: Value::from_static_str(mode),
        most: Value::Integer(MOST_MESSAGES),
    };
    let reply = RECOVER.run(connection, script_keys.and(keys.each_block(worker)), args.and(Vec::new())).await?;
    let mut reply = RECOVER.read(connection, reply, 2)?;
    Ok(Recovered { messages: reply.count()?, more: reply.int()? == 1 })
}
