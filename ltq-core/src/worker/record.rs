//! What a worker tells of itself with each renewal of a lease: who it is, and what it runs.

use std::sync::Arc;

use super::WorkerOptions;
use super::pool::{InSlot, RunningView};
use crate::broker::{Description, KnownTasks, ProcessState, Running};
use crate::message::{Envelope, QueueName};
use crate::task::Registry;

/// Longer texts are cut.
const MAX_TEXT_BYTES: usize = 255;

/// Who this worker is.
pub(super) fn describe(name: &str, options: &WorkerOptions, registry: &Registry) -> Description {
    let deployment = options.deployment.clone().or_else(|| std::env::var("LTQ_DEPLOYMENT").ok());
    Description {
        host: cut(gethostname::gethostname().to_string_lossy().into_owned()),
        pid: std::process::id(),
        worker: cut(name.to_owned()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        deployment: deployment.filter(|deployment| !deployment.is_empty()).map(cut),
        tasks: KnownTasks::of(registry.tasks().iter().map(|task| task.name)),
    }
}

/// What it runs of one queue; with a description if the broker has to be told.
pub(super) fn state(running: &RunningView, queue: &QueueName, description: Option<&Arc<Description>>) -> ProcessState {
    let (busy, some) = running.of_queue(queue.as_str(), ProcessState::MAX_RUNNING);
    ProcessState {
        busy: u64::try_from(busy).unwrap_or(u64::MAX),
        running: some.iter().filter_map(in_slot).collect(),
        description: description.cloned(),
    }
}

/// Nothing where the message cannot be read: it is about to become a dead letter.
fn in_slot(in_slot: &InSlot) -> Option<Running> {
    let envelope = Envelope::decode(&in_slot.payload).ok()?;
    Some(Running {
        task: cut(envelope.task.to_owned()),
        id: envelope.id,
        since_ms: in_slot.origin.now_ms,
        attempt: envelope.attempts.saturating_add(1),
    })
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}
