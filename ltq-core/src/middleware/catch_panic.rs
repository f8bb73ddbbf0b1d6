//! [`CatchPanic`]: the innermost level of every stack: calls the task and turns its panic into an error.
//!
//! It stands inside all middleware because a panic counts as an error: `Retry` can only retry what returns. The worker
//! guards the whole stack once more, for middleware that panics.
//!
//! Next: `task/def.rs`, the handler of the task.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;

use super::stack::Execute;
use crate::task::{Delivery, TaskPanicked};
use crate::{BoxError, BoxFuture};

/// Calls the task's own handler.
pub(super) struct CatchPanic;

impl Execute for CatchPanic {
    fn execute(&self, delivery: Delivery) -> BoxFuture<'static, Result<(), BoxError>> {
        // Nothing of the call is looked at after a panic but the context, and its lock survives one.
        let handler = delivery.task().handler;
        match catch_unwind(AssertUnwindSafe(|| handler(delivery))) {
            Ok(execution) => Box::pin(AssertUnwindSafe(execution).catch_unwind().map(|ended| match ended {
                Ok(result) => result,
                Err(payload) => Err(TaskPanicked::from_payload(&*payload).into()),
            })),
            Err(payload) => {
                let panicked = TaskPanicked::from_payload(&*payload);
                Box::pin(async move { Err(panicked.into()) })
            }
        }
    }
}
