//! `ltq dead list|show|replay|delete`: messages that ended without success.
//!
//! Arguments are shown only on demand, since they may hold secrets and terminals are logged and shared.

use std::time::{Duration, UNIX_EPOCH};

use ltq::{Client, DeadLetter, DeadLetters, MessageId};
use serde::Serialize;
use serde_json::Value;

use super::{confirm, existing, with_client};
use crate::args::{ArgumentsFlags, BrokerFlags, DeadCommand, OutputFlags, WhichFlags};
use crate::error::CliError;
use crate::output::{Output, counted};

/// How many letters one call reads.
const PAGE: u64 = 1_000;

/// A dead letter, as it is printed.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    /// Nothing where the message cannot be read.
    task: Option<String>,
    reason: &'static str,
    error: String,
    attempts: u32,
    died_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Value>,
}

impl Row {
    fn new(letter: &DeadLetter, flags: &ArgumentsFlags) -> Self {
        let arguments = flags.show_arguments.then(|| match letter.arguments() {
            Ok(arguments) => arguments.read().unwrap_or_else(|_| "(cannot be shown as JSON)".into()),
            Err(error) => format!("({error})").into(),
        });
        Self {
            id: letter.id.to_string(),
            task: letter.task().ok().map(str::to_owned),
            reason: letter.reason.as_str(),
            error: letter.error.clone(),
            attempts: letter.attempts,
            died_at: time(letter.died_at_ms),
            arguments,
        }
    }

    fn task(&self) -> String {
        self.task.clone().unwrap_or_else(|| "(unreadable)".to_owned())
    }

    fn arguments(&self) -> Option<String> {
        self.arguments.as_ref().map(ToString::to_string)
    }
}

/// Carries out one of the commands.
pub(super) fn carry_out(command: &DeadCommand) -> Result<(), CliError> {
    match command {
        DeadCommand::List { queue, limit, offset, arguments, broker, output } => {
            let letters = with_letters(broker, queue, async |_, letters| Ok(letters.list(*offset, *limit).await?))?;
            list(&letters, queue, arguments, output)
        }
        DeadCommand::Show { queue, id, arguments, broker, output } => {
            let letter = with_letters(broker, queue, async |_, letters| Ok(letters.get(*id).await?))?;
            let letter = letter.ok_or_else(|| CliError::NoLetter { queue: queue.clone(), id: *id })?;
            show(&Row::new(&letter, arguments), output)
        }
        DeadCommand::Replay { queue, which, broker, output } => {
            let number = with_letters(broker, queue, async |_, letters| {
                let ids = chosen(&letters, which).await?;
                each(queue, which, ids, async |id| Ok(letters.replay(id).await?)).await
            })?;
            report(queue, "replayed", number, output)
        }
        DeadCommand::Delete { queue, which, yes, broker, output } => {
            let number = with_letters(broker, queue, async |_, letters| {
                let ids = chosen(&letters, which).await?;
                if which.all {
                    let number = u64::try_from(ids.len()).unwrap_or(u64::MAX);
                    confirm(&format!("delete {} of the queue `{queue}`", counted(number, "dead letter")), *yes)?;
                }
                each(queue, which, ids, async |id| Ok(letters.delete(id).await?)).await
            })?;
            report(queue, "deleted", number, output)
        }
    }
}

fn with_letters<T>(
    broker: &BrokerFlags,
    queue: &str,
    call: impl AsyncFnOnce(&Client, DeadLetters) -> Result<T, CliError>,
) -> Result<T, CliError> {
    with_client(broker, async |client| {
        let letters = client.queue(queue)?.dead_letters();
        existing(client, queue).await?;
        call(client, letters).await
    })
}

/// The ids to act on, oldest first. All are read before the first is touched: a replayed message may die again at once,
/// and must not be met twice.
async fn chosen(letters: &DeadLetters, which: &WhichFlags) -> Result<Vec<MessageId>, CliError> {
    if let Some(id) = which.id {
        return Ok(vec![id]);
    }
    let mut ids = Vec::new();
    let mut offset = 0;
    loop {
        let page = letters.list(offset, PAGE).await?;
        if page.is_empty() {
            break;
        }
        offset += PAGE;
        ids.extend(page.iter().map(|letter| letter.id));
    }
    ids.reverse();
    Ok(ids)
}

/// Acts on each and counts those that were still there. One that was named and is not is an error.
async fn each(
    queue: &str,
    which: &WhichFlags,
    ids: Vec<MessageId>,
    act: impl AsyncFn(MessageId) -> Result<bool, CliError>,
) -> Result<u64, CliError> {
    let mut number = 0;
    for id in ids {
        if act(id).await? {
            number += 1;
        } else if !which.all {
            return Err(CliError::NoLetter { queue: queue.to_owned(), id });
        }
    }
    Ok(number)
}

fn list(letters: &[DeadLetter], queue: &str, flags: &ArgumentsFlags, output: &OutputFlags) -> Result<(), CliError> {
    let rows: Vec<_> = letters.iter().map(|letter| Row::new(letter, flags)).collect();
    let mut header = vec!["ID", "DIED AT", "TASK", "REASON", "ATTEMPTS", "ERROR"];
    if flags.show_arguments {
        header.push("ARGUMENTS");
    }
    Output::choose(output)
        .list(&rows, &format!("The queue `{queue}` has no dead letters there."), &header, |row| {
            let attempts = row.attempts.to_string();
            let mut cells = vec![row.id.clone(), row.died_at.clone(), row.task(), row.reason.to_owned(), attempts];
            cells.push(row.error.clone());
            cells.extend(row.arguments());
            cells
        })
        .map_err(CliError::io("print"))
}

fn show(row: &Row, output: &OutputFlags) -> Result<(), CliError> {
    let fields = || {
        let mut fields = vec![
            ("id", row.id.clone()),
            ("task", row.task()),
            ("died at", row.died_at.clone()),
            ("reason", row.reason.to_owned()),
            ("attempts", row.attempts.to_string()),
            ("error", row.error.clone()),
        ];
        fields.extend(row.arguments().map(|arguments| ("arguments", arguments)));
        fields
    };
    Output::choose(output).fields(row, fields).map_err(CliError::io("print"))
}

fn report(queue: &str, done: &'static str, number: u64, output: &OutputFlags) -> Result<(), CliError> {
    let item = serde_json::json!({ "queue": queue, done: number });
    Output::choose(output)
        .sentence(&item, || format!("{done}: {} of the queue `{queue}`.", counted(number, "dead letter")))
        .map_err(CliError::io("print"))
}

fn time(ms: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(ms)).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_millis(time).to_string()
}
