//! [`RunInPlace`]: runs a message inside the `send` that sent it.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use super::report::MAX_PUT_BACK;
use crate::BoxFuture;
use crate::broker::memory::MemoryBroker;
use crate::client::SendError;
use crate::client::scope::scope;
use crate::client::testing::{InPlace, TestClient};
use crate::message::MessageId;
use crate::worker::Outcome;
use crate::worker::steps::Steps;

/// How deep tasks that send tasks may nest: a task that always sends itself must end.
const MAX_DEPTH: u32 = 1_000;

tokio::task_local! {
    static DEPTH: u32;
}

pub(super) struct RunInPlace {
    steps: Steps,
    broker: Arc<MemoryBroker>,
}

impl RunInPlace {
    pub(super) fn new(steps: Steps, broker: Arc<MemoryBroker>) -> Self {
        Self { steps, broker }
    }

    async fn to_the_end(&self, id: MessageId) -> Result<(), SendError> {
        let mut put_back = 0;
        while let Some(run) = self.steps.run(id).await {
            let taken_at_ms = self.broker.now_ms();
            let (task, error) = match run.outcome {
                Outcome::Done => return Ok(()),
                Outcome::Dead { error, .. } => (run.task, error),
                Outcome::Retried { delay, .. } if put_back < MAX_PUT_BACK => {
                    put_back += 1;
                    self.broker.advance_to(taken_at_ms, delay);
                    continue;
                }
                Outcome::Retried { error, .. } => {
                    (run.task, format!("it was put back {put_back} times, last because of: {error}"))
                }
            };
            return Err(SendError::RunInPlace { task, error });
        }
        Ok(())
    }
}

impl InPlace for RunInPlace {
    fn run(self: Arc<Self>, client: TestClient, id: MessageId) -> BoxFuture<'static, Result<(), SendError>> {
        let depth = DEPTH.try_with(|depth| *depth).unwrap_or_default();
        if depth >= MAX_DEPTH {
            return Box::pin(async { Ok(()) });
        }
        let run = DEPTH.scope(depth + 1, scope(client.client, async move { self.to_the_end(id).await }));
        // Spawned, since a task that is polled inside another one inside another one uses up the thread's stack.
        let run = AbortOnDropHandle::new(tokio::spawn(run));
        Box::pin(async move {
            match run.await {
                Ok(ended) => ended,
                Err(error) => match error.try_into_panic() {
                    Ok(payload) => resume_unwind(payload),
                    // The runtime is shutting down, and the test with it.
                    Err(_) => Ok(()),
                },
            }
        })
    }
}
