//! The tasks that are measured.

use std::time::Duration;

use ltq::{Context, RetryMessage};

use crate::clock::clock;

/// Does nothing. Its argument gives the message its size.
#[ltq::task(queue = "bench")]
pub(crate) async fn noop(padding: String) {
    let _ = padding;
}

/// Is done at the second try.
#[ltq::task(queue = "bench", max_attempts = 5)]
pub(crate) async fn retry_once(ctx: Context, padding: String) -> Result<(), RetryMessage> {
    let _ = padding;
    if ctx.attempt() == 1 { Err(RetryMessage::after(Duration::ZERO)) } else { Ok(()) }
}

/// Notes when it ran; the arguments say when it was due and when it was sent, by the clock of this process.
#[ltq::task(queue = "bench")]
pub(crate) async fn pick_up(due_ns: u64, sent_ns: u64) {
    clock().ran(due_ns, sent_ns);
}
