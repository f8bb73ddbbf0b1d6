//! The innermost level of every stack: calls the task and turns its panic into an error.
//!
//! It stands inside all middleware because a panic counts as an error: `Retry` can only retry what returns. The worker
//! guards the whole stack once more, for middleware that panics.
//!
//! Next: `task/def.rs`, the handler of the task.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;

use crate::BoxError;
use crate::task::{Delivery, Output, TaskPanicked};

/// Calls the task's own handler.
pub(super) async fn call_task(delivery: Delivery) -> Result<Output, BoxError> {
    // Nothing of the call is looked at after a panic but the context, and its lock survives one.
    let handler = delivery.task().handler;
    let ended = match catch_unwind(AssertUnwindSafe(|| handler(delivery))) {
        Ok(execution) => AssertUnwindSafe(execution).catch_unwind().await,
        Err(payload) => Err(payload),
    };
    ended.unwrap_or_else(|payload| Err(TaskPanicked::from_payload(&*payload).into()))
}
