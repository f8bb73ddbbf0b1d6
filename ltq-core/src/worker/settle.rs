//! How a message leaves this worker's hands: the one place that decides it.
//!
//! `execute` says how a delivery ended, this module says what that means for the message, and `fetch` carries it to the
//! broker in its next turn.
//!
//! Next: back into `worker/fetch.rs`.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;

use crate::BoxError;
use crate::broker::{Delivered, Settlement};
use crate::message::{Carried, DeadLetter, DeadReason, DecodeError, Envelope};
use crate::task::{Context, Failure, Output, RetryMessage};

/// How long a message of a newer version waits for a worker that can read it.
const NEWER_VERSION_DELAY: Duration = Duration::from_secs(60);
/// The longest time between two looks at a message whose task is unknown.
const UNKNOWN_TASK_DELAY: Duration = Duration::from_secs(5);
/// Where a message carries when its task was first found to be unknown.
const UNKNOWN_SINCE: &str = "ltq.unknown_since";

/// The task ran, or a middleware kept it from running.
pub(super) fn after_run(delivered: &Delivered, context: &Context, result: Result<Output, BoxError>) -> Settlement {
    match result {
        // Nobody keeps what tasks return yet: the output ends here.
        Ok(_) => {
            tracing::debug!("done");
            delivered.done()
        }
        Err(error) => after_error(delivered, context, &error),
    }
}

fn after_error(delivered: &Delivered, context: &Context, error: &BoxError) -> Settlement {
    // It could be read before it ran. That is not remembered, because nearly every message ends well.
    let envelope = match Envelope::decode(&delivered.payload) {
        Ok(envelope) => envelope,
        Err(error) => return undecodable(delivered, &error),
    };
    let attempts = context.attempt();
    let reason = match Failure::of(error) {
        Failure::Retry(retry) => {
            tracing::warn!(delay = ?retry.delay, reason = why(retry), "put back");
            let attempts = envelope.attempts.saturating_add(u32::from(retry.charged));
            let payload = put_back(&envelope, attempts, context.carried_snapshot());
            return delivered.retry(payload, retry.delay);
        }
        Failure::Reject(_) => DeadReason::Rejected,
        Failure::InvalidArguments(_) => DeadReason::Undecodable,
        Failure::Expired => DeadReason::Expired,
        Failure::Error => DeadReason::Failed,
    };
    dead(delivered, reason, chain(error), attempts)
}

/// The bytes could not be read.
pub(super) fn undecodable(delivered: &Delivered, error: &DecodeError) -> Settlement {
    if matches!(error, DecodeError::NewerVersion { .. }) {
        tracing::warn!(id = %delivered.id, %error, delay = ?NEWER_VERSION_DELAY, "put back");
        return delivered.retry(delivered.payload.clone(), NEWER_VERSION_DELAY);
    }
    dead(delivered, DeadReason::Undecodable, error.to_string(), 0)
}

/// It was recovered more often than allowed: running it seems to kill workers.
pub(super) fn crashed(delivered: &Delivered, envelope: &Envelope<'_>) -> Settlement {
    let error = format!("{} workers died or stalled while they ran it", delivered.recoveries);
    dead(delivered, DeadReason::Crashed, error, envelope.attempts.saturating_add(1))
}

/// No task of that name is linked into this worker.
pub(super) fn unknown_task(delivered: &Delivered, envelope: &Envelope<'_>, now_ms: u64, grace: Duration) -> Settlement {
    let mut carried = envelope.carried.clone();
    let since = carried.get(UNKNOWN_SINCE).ok().flatten().unwrap_or(now_ms);
    let left = grace.saturating_sub(Duration::from_millis(now_ms.saturating_sub(since)));
    let task = envelope.task;
    if left.is_zero() {
        let error = format!("no worker of this queue knows the task `{task}`, for {grace:?}");
        return dead(delivered, DeadReason::UnknownTask, error, envelope.attempts);
    }
    let delay = left.min(UNKNOWN_TASK_DELAY);
    tracing::warn!(id = %delivered.id, task, queue = envelope.queue, ?delay, "put back: this worker does not know the task");
    // A number always encodes, and if it did not, the grace would merely start anew.
    let _ = carried.set(UNKNOWN_SINCE, &since);
    delivered.retry(put_back(envelope, envelope.attempts, carried), delay)
}

/// The worker stops before the message is done.
pub(super) fn hand_back(delivered: &Delivered) -> Settlement {
    let payload = match Envelope::decode(&delivered.payload) {
        Ok(envelope) => put_back(&envelope, envelope.attempts, envelope.carried.clone()),
        Err(_) => delivered.payload.clone(),
    };
    delivered.hand_back(payload)
}

fn dead(delivered: &Delivered, reason: DeadReason, error: String, attempts: u32) -> Settlement {
    tracing::error!(id = %delivered.id, %reason, error, attempts, "dead letter");
    delivered.dead(DeadLetter::new(delivered.id, reason, error, attempts, with_recoveries(delivered)))
}

/// The broker forgets the recoveries of a message that ends. They go into the envelope, so that the delivery number of a
/// replay is still higher than any before.
fn with_recoveries(delivered: &Delivered) -> Bytes {
    let recoveries = u32::try_from(delivered.recoveries).unwrap_or(u32::MAX);
    match Envelope::decode(&delivered.payload) {
        Ok(envelope) if recoveries > 0 => {
            Envelope { requeues: envelope.requeues.saturating_add(recoveries), ..envelope }.encode()
        }
        _ => delivered.payload.clone(),
    }
}

fn put_back(envelope: &Envelope<'_>, attempts: u32, carried: Carried) -> Bytes {
    let requeues = envelope.requeues.saturating_add(1);
    Envelope { attempts, requeues, carried, ..envelope.clone() }.encode()
}

/// Why a message is put back: the error behind it with its causes, else the reason it was given.
fn why(retry: &RetryMessage) -> String {
    retry.source().map_or_else(|| retry.reason.clone(), with_causes)
}

/// An error and its causes in one line.
pub(super) fn chain(error: &BoxError) -> String {
    with_causes(error.as_ref())
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own text.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the request failed")]
    struct RequestFailed(#[source] std::io::Error);

    #[test]
    fn the_log_of_a_retry_names_every_cause_and_no_delay() {
        let delay = Duration::from_secs(1);
        let failed = RequestFailed(std::io::Error::other("connection refused"));
        assert_eq!(why(&RetryMessage::because_of(delay, failed)), "the request failed: connection refused");
        assert_eq!(why(&RetryMessage::new(delay, "not yet")), "not yet");
    }
}
