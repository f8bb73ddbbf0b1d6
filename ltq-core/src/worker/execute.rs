//! One delivery as a pipeline: decode, find the task, run the stack, say how it ended.
//!
//! Next: `worker/settle.rs`.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{WorkerOptions, settle};
use crate::broker::{Delivered, Settlement};
use crate::message::Envelope;
use crate::middleware::Next;
use crate::task::{Context, Delivery, Registry, StateMap, TaskPanicked};

/// What every execution of a worker shares.
pub(super) struct Executor {
    pub(super) registry: Registry,
    pub(super) states: Arc<StateMap>,
    pub(super) stack: Next,
    pub(super) options: WorkerOptions,
    pub(super) finished: Finished,
}

/// One execution to be.
pub(super) struct Execution {
    /// The fetch loop's number for it.
    pub(super) number: u64,
    pub(super) delivered: Delivered,
    pub(super) queue: Arc<str>,
    /// The broker's clock when the message was taken.
    pub(super) now_ms: u64,
    pub(super) cancellation: CancellationToken,
}

impl Executor {
    /// Runs one delivery to its end and reports it. Dropping the future abandons the message: the fetch loop settles it.
    pub(super) async fn run(self: Arc<Self>, execution: Execution) {
        let number = execution.number;
        let settlement = self.execute(execution).await;
        self.finished.push(number, settlement);
    }

    /// Runs one delivery to its end and says what that means for the message.
    pub(super) async fn execute(&self, execution: Execution) -> Settlement {
        let Execution { delivered, queue, now_ms, cancellation, .. } = execution;
        let mut envelope = match Envelope::decode(&delivered.payload) {
            Ok(envelope) => envelope,
            Err(error) => return settle::undecodable(&delivered, &error),
        };
        if delivered.recoveries > self.options.max_recoveries {
            return settle::crashed(&delivered, &envelope);
        }
        let Some(def) = self.registry.get(envelope.task) else {
            return settle::unknown_task(&delivered, &envelope, now_ms, self.options.unknown_task_grace);
        };
        let context = Context::builder(envelope.id, def.name, queue)
            .attempt(envelope.attempts.saturating_add(1))
            .delivery(1 + u64::from(envelope.requeues) + delivered.recoveries)
            .created_at_ms(envelope.created_at_ms)
            .now_ms(now_ms)
            .max_age(envelope.max_age_ms.map(Duration::from_millis))
            .carried(std::mem::take(&mut envelope.carried))
            .cancellation(cancellation)
            .build();
        let args = delivered.payload.slice_ref(envelope.args);
        let delivery = Delivery::new(def, context.clone(), args, Arc::clone(&self.states));
        let span = tracing::info_span!(
            "execute",
            id = %envelope.id,
            task = def.name,
            queue = context.queue(),
            attempt = context.attempt(),
            delivery = context.delivery(),
        );
        let run = async {
            tracing::debug!("started");
            // The task's own panics are errors already; this one would be a middleware's.
            let stack = AssertUnwindSafe(async { self.stack.start(delivery).await });
            let result = match stack.catch_unwind().await {
                Ok(result) => result,
                Err(payload) => Err(TaskPanicked::from_payload(payload.as_ref()).into()),
            };
            settle::after_run(&delivered, &envelope, &context, result)
        };
        run.instrument(span).await
    }
}

/// Where executions report and the fetch loop collects.
#[derive(Default)]
pub(super) struct Finished {
    ended: Mutex<Vec<(u64, Settlement)>>,
    notify: Notify,
}

impl Finished {
    fn push(&self, number: u64, settlement: Settlement) {
        let first = {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push((number, settlement));
            ended.len() == 1
        };
        // Later ones ride on the first one's notification: collecting takes all there are.
        if first {
            self.notify.notify_one();
        }
    }

    /// Takes everything reported so far into `into`, which must be empty; its memory is used again.
    pub(super) fn take(&self, into: &mut Vec<(u64, Settlement)>) {
        std::mem::swap(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner), into);
    }

    /// Waits until something may have been reported. Safe to drop.
    pub(super) async fn changed(&self) {
        self.notify.notified().await;
    }
}
