//! The task that every message of a run calls, and the worker that runs it.
//!
//! What is to become of a message travels in it, so that a producer decides and a worker merely does it.

use std::path::PathBuf;
use std::time::Duration;

use ltq::{Context, RejectMessage, RetryMessage, State, TaskError, TaskResult, Worker};
use serde::{Deserialize, Serialize};

use crate::notes::{Ending, Note, Notes};

/// The queue of a run.
pub(crate) const QUEUE: &str = "chaos";
/// The environment variable that tells a worker where to note.
pub(crate) const NOTES: &str = "LTQ_CHAOS_NOTES";
/// The environment variable with the lease in milliseconds.
pub(crate) const LEASE_MS: &str = "LTQ_CHAOS_LEASE_MS";

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Course {
    /// It is done at the first try.
    Succeed,
    /// Its first two attempts fail.
    FailTwice,
    /// Its first attempt asks to be put back.
    PutBackOnce,
    /// It asks to be a dead letter.
    Reject,
}

/// Takes `millis` milliseconds, then ends as its course says.
#[ltq::task(queue = "chaos", max_attempts = 5, backoff = "100ms..400ms")]
pub(crate) async fn work(notes: State<Notes>, ctx: Context, course: Course, millis: u64) -> TaskResult {
    let (id, delivery) = ([ctx.id()], ctx.delivery());
    notes.write(&id, &Note::Begin(delivery));
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let ending = match course {
        Course::FailTwice if ctx.attempt() <= 2 => Ending::Failed,
        Course::PutBackOnce if ctx.attempt() == 1 => Ending::PutBack,
        Course::Reject => Ending::Rejected,
        Course::Succeed | Course::FailTwice | Course::PutBackOnce => Ending::Done,
    };
    notes.write(&id, &Note::End(delivery, ending));
    match ending {
        Ending::Done => Ok(()),
        Ending::Failed => Err(TaskError::msg("as its course says")),
        Ending::PutBack => Err(RetryMessage::new(Duration::from_millis(200), "as its course says").into()),
        Ending::Rejected => Err(RejectMessage::new("as its course says").into()),
    }
}

/// The worker, as the environment wants it.
///
/// # Panics
///
/// The environment does not say where to note, or the lease is no number.
pub fn worker() -> Worker {
    let path = PathBuf::from(std::env::var_os(NOTES).expect("the driver says where to note"));
    let worker = Worker::new(QUEUE).state(Notes::open(&path).expect("notes can be opened"));
    match std::env::var(LEASE_MS) {
        Ok(millis) => worker.lease(Duration::from_millis(millis.parse().expect("a number of milliseconds"))),
        Err(_) => worker,
    }
}
