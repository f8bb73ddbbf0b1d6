//! The records of processes: what a renewal writes of them, what is read, and what is asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::admin::MOST_WORKERS;
use crate::broker::redis::keys::QueueKeys;
use crate::broker::redis::link::command::Command;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::{Reply, Script, parts, table};
use crate::broker::redis::link::value::Value;
use crate::broker::{
    Ask, BrokerError, Description, KnownTasks, ProcessId, ProcessRecord, ProcessState, Running, WorkerId,
};

table! {
    keys RecordsKeys { first: Hash }
    args RecordsArgs {}
}
pub(crate) static RECORDS: Script =
    Script::new("records", RecordsKeys::TABLE, RecordsArgs::NAMES, parts!["shared/clock", "records"]);
table! {
    keys AskKeys { record: Hash }
    args AskArgs { ask }
}
pub(crate) static ASK: Script = Script::new("ask", AskKeys::TABLE, AskArgs::NAMES, parts!["shared/clock", "ask"]);

/// How many records one call of the script reads.
const AT_ONCE: usize = 50;
/// What stands for more tasks than are named.
const ANY: &[u8] = b"any";

/// Fields and values of what never changes.
pub(super) fn described(description: &Description) -> Vec<Value> {
    let tasks = match &description.tasks {
        KnownTasks::Any => Bytes::from_static(ANY),
        KnownTasks::These(digests) => digests.concat().into(),
    };
    let deployment = description.deployment.as_deref().unwrap_or_default();
    vec![
        Value::from_static_str("host"),
        description.host.as_str().into(),
        Value::from_static_str("pid"),
        Value::Integer(description.pid.into()),
        Value::from_static_str("worker"),
        description.worker.as_str().into(),
        Value::from_static_str("version"),
        description.version.as_str().into(),
        Value::from_static_str("tasks"),
        Value::Bytes(tasks),
        Value::from_static_str("deployment"),
        deployment.into(),
    ]
}

/// What runs, as one value: an array of task, id, since when, and attempt for each.
pub(super) fn running(running: &[Running]) -> Bytes {
    let named: Vec<_> = running
        .iter()
        .take(ProcessState::MAX_RUNNING)
        .map(|one| (one.task.as_str(), one.id.to_string(), one.since_ms, one.attempt))
        .collect();
    // Texts and numbers always encode; a record without them would only say less.
    rmp_serde::to_vec(&named).unwrap_or_default().into()
}

/// Reads what [`running`] wrote; nothing where it cannot be read.
fn read_running(bytes: &[u8]) -> Option<Vec<Running>> {
    let named: Vec<(String, String, u64, u32)> = rmp_serde::from_slice(bytes).ok()?;
    named
        .into_iter()
        .map(|(task, id, since_ms, attempt)| Some(Running { task, id: id.parse().ok()?, since_ms, attempt }))
        .collect()
}

/// Reads the records of processes that have a registered worker.
pub(crate) async fn records(connection: &Connection, keys: &QueueKeys) -> Result<Vec<ProcessRecord>, BrokerError> {
    let range = [Value::Integer(0), Value::Integer(MOST_WORKERS - 1)];
    let mut workers = connection.command(Command::on(RECORDS.call, "ZRANGE", &keys.holders(), range)).await?;
    let mut processes = BTreeSet::new();
    while workers.len() > 0 {
        processes.insert(WorkerId::from_name(&workers.text()?).process());
    }
    let processes: Vec<_> = processes.into_iter().collect();
    let mut records = Vec::with_capacity(processes.len());
    for some in processes.chunks(AT_ONCE) {
        let mut of_processes = some.iter().map(|process| keys.process(process));
        let Some(first) = of_processes.next() else { break };
        let script_keys = RecordsKeys { first }.and(of_processes);
        let reply = RECORDS.run(connection, script_keys, RecordsArgs {}.and(Vec::new())).await?;
        let mut reply = RECORDS.read(connection, reply, 1 + some.len())?;
        let now_ms = reply.count()?;
        for process in some {
            records.extend(record(process, reply.list()?, now_ms)?);
        }
    }
    Ok(records)
}

/// One record, if it has not ended.
fn record(process: &ProcessId, mut fields: Reply<'_>, now_ms: u64) -> Result<Option<ProcessRecord>, BrokerError> {
    let mut description = Description {
        host: String::new(),
        pid: 0,
        worker: String::new(),
        version: String::new(),
        deployment: None,
        tasks: KnownTasks::Any,
    };
    let (mut started_at_ms, mut end_ms, mut busy, mut runs, mut ask) = (0, 0, 0, Vec::new(), None);
    while fields.len() > 0 {
        let name = fields.text()?;
        match name.as_str() {
            "host" => description.host = fields.text()?,
            "pid" => description.pid = u32::try_from(fields.count()?).unwrap_or_default(),
            "worker" => description.worker = fields.text()?,
            "version" => description.version = fields.text()?,
            "deployment" => description.deployment = Some(fields.text()?).filter(|text| !text.is_empty()),
            "tasks" => description.tasks = known_tasks(&fields.bytes()?),
            "start" => started_at_ms = fields.count()?,
            "end" => end_ms = fields.count()?,
            "busy" => busy = fields.count()?,
            "running" => {
                let bytes = fields.bytes()?;
                runs = read_running(&bytes).ok_or_else(|| fields.odd("what runs cannot be read"))?;
            }
            "ask" => ask = Ask::from_name(&fields.text()?),
            // A newer version tells more.
            _ => drop(fields.bytes()?),
        }
    }
    let record = ProcessRecord::new(process.clone(), Arc::new(description), started_at_ms);
    Ok((end_ms > now_ms).then_some(ProcessRecord { busy, running: runs, ask, ..record }))
}

fn known_tasks(bytes: &Bytes) -> KnownTasks {
    if bytes == ANY {
        return KnownTasks::Any;
    }
    KnownTasks::These(bytes.as_chunks().0.to_vec())
}

/// Asks a process for something.
pub(crate) async fn ask(
    connection: &Connection,
    keys: &QueueKeys,
    process: &ProcessId,
    ask: Ask,
) -> Result<bool, BrokerError> {
    let args = AskArgs { ask: Value::from_static_str(ask.as_str()) };
    let reply = ASK.run(connection, AskKeys { record: keys.process(process) }.and([]), args.and(Vec::new())).await?;
    Ok(ASK.number(connection, &reply)? == 1)
}
