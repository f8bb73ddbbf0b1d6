//! One delivery as a pipeline: decode, find the task, run the stack, say how it ended.
//!
//! Next: `worker/settle.rs`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{WorkerOptions, settle};
use crate::broker::{Delivered, Settlement};
use crate::message::Envelope;
use crate::middleware::Next;
use crate::task::{Context, Delivery, Origin, Registry, StateMap, TaskPanicked};

/// What every execution of a worker shares.
pub(super) struct Executor {
    pub(super) registry: Registry,
    pub(super) states: Arc<StateMap>,
    pub(super) stack: Next,
    pub(super) options: WorkerOptions,
    /// Whether anything in the stack reads what tasks return; where nothing does, it is dropped at once.
    reads_output: bool,
}

/// One execution to be.
pub(super) struct Execution {
    /// The fetch loop's number for it.
    pub(super) number: usize,
    pub(super) delivered: Delivered,
    pub(super) origin: Arc<Origin>,
    pub(super) taken_at: Instant,
}

impl Executor {
    pub(super) fn new(registry: Registry, states: Arc<StateMap>, stack: Next, options: WorkerOptions) -> Self {
        let reads_output = stack.reads_output();
        Self { registry, states, stack, options, reads_output }
    }

    /// Runs one delivery to its end and says what that means for the message.
    ///
    /// Dropping the future abandons the message: the fetch loop settles it.
    pub(super) async fn execute(&self, execution: Execution) -> Settlement {
        let Execution { delivered, origin, .. } = execution;
        let (delivery, span) = match self.prepare(&delivered, origin) {
            Ok(prepared) => prepared,
            Err(settlement) => return *settlement,
        };
        let context = delivery.context().clone();
        let run = async {
            tracing::debug!("started");
            // The task's own panics are errors already; this one would be a middleware's.
            let result = match AssertUnwindSafe(self.stack.call(delivery)).catch_unwind().await {
                Ok(result) => result,
                Err(payload) => Err(TaskPanicked::from_payload(payload.as_ref()).into()),
            };
            settle::after_run(&delivered, &context, result)
        };
        run.instrument(span).await
    }

    /// Everything up to the stack, or how the message ends where it does not get that far.
    fn prepare(
        &self,
        delivered: &Delivered,
        origin: Arc<Origin>,
    ) -> Result<(Delivery, tracing::Span), Box<Settlement>> {
        let mut envelope =
            Envelope::decode(&delivered.payload).map_err(|error| settle::undecodable(delivered, &error))?;
        if delivered.recoveries > self.options.max_recoveries {
            return Err(settle::crashed(delivered, &envelope).into());
        }
        let Some(def) = self.registry.get(envelope.task) else {
            return Err(
                settle::unknown_task(delivered, &envelope, origin.now_ms, self.options.unknown_task_grace).into()
            );
        };
        let context = Context::of(envelope.id, def.name, origin)
            .attempt(envelope.attempts.saturating_add(1))
            .delivery(1 + u64::from(envelope.requeues) + delivered.recoveries)
            .created_at_ms(envelope.created_at_ms)
            .max_age(envelope.max_age_ms.map(Duration::from_millis))
            .carried(std::mem::take(&mut envelope.carried))
            .build();
        let span = tracing::info_span!(
            "execute",
            id = %envelope.id,
            task = def.name,
            queue = context.queue(),
            attempt = context.attempt(),
            delivery = context.delivery(),
        );
        let args = delivered.payload.slice_ref(envelope.args);
        let delivery = Delivery::new(def, context, args, Arc::clone(&self.states));
        Ok((if self.reads_output { delivery } else { delivery.without_output() }, span))
    }
}
