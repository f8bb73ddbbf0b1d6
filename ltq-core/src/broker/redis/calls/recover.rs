//! Returns the messages of a worker to its queue.

use crate::broker::redis::keys::QueueKeys;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Script, script};
use crate::broker::redis::link::value::Value;
use crate::broker::{BrokerError, Recovered, Recovery, WorkerId};

static RECOVER: Script = script!("recover", "recover.lua");

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
    let mut script_keys = vec![
        keys.ready(),
        keys.active(worker),
        keys.holders(),
        keys.deliveries(),
        keys.wake(),
        keys.turn(worker),
        keys.counts(),
        keys.batches(worker),
    ];
    script_keys.extend(keys.each_batch(worker));
    let args = vec![worker.as_str().into(), Value::from_static_str(mode), Value::Integer(MOST_MESSAGES)];
    let reply = RECOVER.run(connection, script_keys, args).await?;
    let mut reply = RECOVER.read(connection, reply, 2)?;
    Ok(Recovered { messages: reply.count()?, more: reply.int()? == 1 })
}
