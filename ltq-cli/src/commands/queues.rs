//! `ltq queues`, `ltq size`, `ltq clear`.

use ltq::QueueStats;
use serde::Serialize;

use super::{confirm, existing, with_client};
use crate::args::{ClearArguments, QueuesArguments, SizeArguments};
use crate::error::CliError;
use crate::output::{Output, counted};

/// One queue, as it is printed.
#[derive(Debug, Serialize)]
struct Row {
    queue: String,
    ready: u64,
    scheduled: u64,
    active: u64,
    dead: u64,
    workers: u64,
    counts: Counts,
}

/// What has happened on it since it exists.
#[derive(Debug, Serialize)]
struct Counts {
    done: u64,
    retried: u64,
    returned: u64,
    dead: u64,
    recovered: u64,
    refused: u64,
    trimmed: u64,
}

impl Row {
    fn new(queue: &str, stats: &QueueStats) -> Self {
        let QueueStats { ready, scheduled, active, dead, workers, counts, .. } = *stats;
        let counts = Counts {
            done: counts.done,
            retried: counts.retried,
            returned: counts.returned,
            dead: counts.dead,
            recovered: counts.recovered,
            refused: counts.refused,
            trimmed: counts.trimmed,
        };
        Self { queue: queue.to_owned(), ready, scheduled, active, dead, workers, counts }
    }
}

/// Lists the queues.
pub(super) fn list(arguments: &QueuesArguments) -> Result<(), CliError> {
    let rows = with_client(&arguments.broker, async |client| {
        let mut rows = Vec::new();
        for queue in client.queues().await? {
            rows.push(Row::new(&queue, &client.queue(&queue)?.stats().await?));
        }
        Ok(rows)
    })?;
    let header = ["QUEUE", "READY", "SCHEDULED", "ACTIVE", "DEAD", "WORKERS"];
    Output::choose(&arguments.output)
        .list(&rows, "There are no queues yet: one is made by its first message.", &header, |row| {
            let numbers = [row.ready, row.scheduled, row.active, row.dead, row.workers];
            [row.queue.clone()].into_iter().chain(numbers.map(|number| number.to_string())).collect()
        })
        .map_err(CliError::io("print"))
}

/// Shows the numbers of one queue.
pub(super) fn size(arguments: &SizeArguments) -> Result<(), CliError> {
    let queue = &arguments.queue;
    let row = with_client(&arguments.broker, async |client| {
        existing(client, queue).await?;
        Ok(Row::new(queue, &client.queue(queue)?.stats().await?))
    })?;
    let fields = || {
        vec![
            ("ready", row.ready.to_string()),
            ("scheduled", row.scheduled.to_string()),
            ("active", row.active.to_string()),
            ("dead letters", row.dead.to_string()),
            ("workers", row.workers.to_string()),
            ("since it exists:", String::new()),
            ("done", row.counts.done.to_string()),
            ("retried", row.counts.retried.to_string()),
            ("returned", row.counts.returned.to_string()),
            ("died", row.counts.dead.to_string()),
            ("recovered", row.counts.recovered.to_string()),
            ("refused", row.counts.refused.to_string()),
            ("trimmed", row.counts.trimmed.to_string()),
        ]
    };
    Output::choose(&arguments.output).fields(&row, fields).map_err(CliError::io("print"))
}

/// What clearing did.
#[derive(Debug, Serialize)]
struct Cleared<'a> {
    queue: &'a str,
    deleted: u64,
}

/// Deletes the waiting messages of a queue.
pub(super) fn clear(arguments: &ClearArguments) -> Result<(), CliError> {
    let queue = arguments.queue.as_str();
    let deleted = with_client(&arguments.broker, async |client| {
        existing(client, queue).await?;
        let stats = client.queue(queue)?.stats().await?;
        let waiting = counted(stats.ready.saturating_add(stats.scheduled), "waiting message");
        confirm(&format!("delete {waiting} of the queue `{queue}`"), arguments.yes)?;
        Ok(client.queue(queue)?.clear().await?)
    })?;
    Output::choose(&arguments.output)
        .sentence(&Cleared { queue, deleted }, || {
            format!("Deleted {} of the queue `{queue}`.", counted(deleted, "waiting message"))
        })
        .map_err(CliError::io("print"))
}
