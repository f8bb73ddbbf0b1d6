//! Whether the server lets this user do what is needed, asked before anything depends on it.
//!
//! The server does not take back what a script did before one of its calls was refused. Each script is written so that
//! nothing is lost then; that nothing is doubled either, in every queue and at every repeat, is what this question is for.

use crate::broker::BrokerError;
use crate::broker::redis::grants;
use crate::broker::redis::keys::QueueKeys;
use crate::broker::redis::link::command::Command;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Script, parts, table};
use crate::broker::redis::link::value::Value;

table! {
    keys Keys { probe_string: String, probe_list: List, probe_hash: Hash, probe_sorted: SortedSet }
    args Args { role }
}
pub(crate) static PERMISSIONS: Script = Script::new("permissions", Keys::TABLE, Args::NAMES, parts!["permissions"]);

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Producer,
    Worker,
}

/// Runs each command that is required once, without effect.
///
/// # Errors
///
/// Some are refused: the error names all of them.
pub(crate) async fn prove(connection: &Connection, keys: &QueueKeys, role: Role) -> Result<(), BrokerError> {
    let script_keys = Keys {
        probe_string: keys.probe("string"),
        probe_list: keys.probe("list"),
        probe_hash: keys.probe("hash"),
        probe_sorted: keys.probe("sorted"),
    };
    let name = match role {
        Role::Producer => "producer",
        Role::Worker => "worker",
    };
    let args = Args { role: Value::from_static_str(name) };
    let reply = PERMISSIONS.run(connection, script_keys.and([]), args.and(Vec::new())).await?;
    let mut refused = PERMISSIONS.list(connection, reply)?;
    let mut missing: Vec<String> = Vec::with_capacity(refused.len());
    while refused.len() > 0 {
        let command = format!("+{}", refused.text()?.to_lowercase());
        if !missing.contains(&command) {
            missing.push(command);
        }
    }
    // No script may call it.
    if role == Role::Worker && missing.is_empty() && !may_wait(connection, &keys.probe("list")).await? {
        missing.push("+blpop".to_owned());
    }
    if missing.is_empty() {
        return Ok(());
    }
    let reason = format!(
        "the user may not run what a {name} needs: {} is missing; grant the user what LTQ needs: {}",
        missing.join(" "),
        grants::all()
    );
    Err(BrokerError::Refused { address: connection.address().to_owned(), call: PERMISSIONS.call, reason })
}

/// Whether this user may wait for a token. Something is there to be had at once, so that the connection is not held up.
async fn may_wait(connection: &Connection, list: &str) -> Result<bool, BrokerError> {
    let call = PERMISSIONS.call;
    let push = connection.command(Command::on(call, "RPUSH", list, [Value::from_static_str("")]));
    let pop = connection.command(Command::on(call, "BLPOP", list, [Value::from_static_str("0.01")]).blocking());
    // In this order they are sent.
    let (pushed, popped) = tokio::join!(biased; push, pop);
    match pushed.and(popped) {
        Ok(_) => Ok(true),
        Err(BrokerError::Refused { .. }) => Ok(false),
        // A full server says so to whoever sends.
        Err(BrokerError::OutOfMemory { .. } | BrokerError::ReadOnly { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}
