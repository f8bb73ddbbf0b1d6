//! [`TestQueue`]: the client, the broker and the time of one test.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::enqueued::Enqueued;
use super::in_place::RunInPlace;
use super::report::Report;
use crate::client::Client;
use crate::client::scope::scope;
use crate::client::testing::TestClient;
use crate::task::Task;
use crate::worker::steps::Steps;
use crate::worker::{Worker, WorkerError};

/// The queues of one test, kept in memory. Cheap to clone; clones are the same.
///
/// Its time stands still: what is delayed waits until the test [advances](Self::advance) it or [runs](Self::run_all)
/// all there is.
#[derive(Clone)]
pub struct TestQueue {
    inner: TestClient,
}

impl TestQueue {
    /// A queue nobody sends to yet: for code that is given its [`Client`](Self::client), and for [`scope`](Self::scope).
    ///
    /// Most tests want [`queue`](super::queue).
    #[must_use]
    pub fn new() -> Self {
        Self::of(TestClient::new())
    }

    pub(super) fn of(inner: TestClient) -> Self {
        Self { inner }
    }

    /// The client that sends to it, for code that does not use the process-wide one.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Makes everything that `future` sends go here, whichever runtime it runs on. What it spawns is not part of it
    /// unless it is scoped as well.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        scope(self.inner.client.clone(), future)
    }

    /// The messages that wait, by queue; of each queue the ready ones in their order first, then the delayed ones by due
    /// time.
    #[must_use]
    pub fn messages(&self) -> Vec<Enqueued> {
        let now_ms = self.inner.test.broker.now_ms();
        self.inner
            .test
            .broker
            .waiting()
            .into_iter()
            .filter_map(|(queue, waiting)| Enqueued::read(&queue, &waiting, now_ms))
            .collect()
    }

    /// Those of one task.
    #[must_use]
    pub fn messages_of<T: Task>(&self, _task: T) -> Vec<Enqueued> {
        self.messages().into_iter().filter(|message| message.task() == T::DEF.name).collect()
    }

    /// Puts the time forward. Nothing runs by itself.
    pub fn advance(&self, by: Duration) {
        self.inner.test.broker.advance(by);
    }

    /// Runs everything that is due now on the queues of `worker`, one message after the other, and what that sends.
    ///
    /// Middleware, shared values and settlement are the real ones, but for rate limits, which do not apply. Messages that
    /// are put back with a delay wait.
    ///
    /// # Errors
    ///
    /// The worker would not start.
    pub async fn run_due(&self, worker: Worker) -> Result<Report, WorkerError> {
        self.run(worker, false).await
    }

    /// Like [`run_due`](Self::run_due), and whenever nothing is due any more, puts the time forward to the next delayed
    /// message, until nothing waits on the queues of `worker`.
    ///
    /// A message that is put back 1,000 times, and tasks that have been run 100,000 times, will not end: it gives up then,
    /// and [the report says so](Report::gave_up).
    ///
    /// # Errors
    ///
    /// The worker would not start.
    pub async fn run_all(&self, worker: Worker) -> Result<Report, WorkerError> {
        self.run(worker, true).await
    }

    async fn run(&self, worker: Worker, to_the_end: bool) -> Result<Report, WorkerError> {
        let steps = Steps::new(worker, Arc::clone(&self.inner.test.broker))?;
        // Boxed, so that the future of a test does not hold a whole worker.
        Ok(self.scope(Box::pin(self.take_steps(&steps, to_the_end))).await)
    }

    async fn take_steps(&self, steps: &Steps, to_the_end: bool) -> Report {
        let mut report = Report::default();
        loop {
            while let Some(run) = steps.next().await {
                report.add(run);
                if report.check_end() {
                    return report;
                }
            }
            match self.inner.test.broker.next_due(steps.queues()) {
                Some(due) if to_the_end => self.advance(due),
                _ => return report,
            }
        }
    }

    /// From now on `send` runs what it sends in place: it returns when the task has ended, its retries included, for which
    /// it puts the time forward. A message that becomes a dead letter makes `send` return
    /// [`SendError::RunInPlace`](crate::client::SendError::RunInPlace).
    ///
    /// Messages with a delay, and those of queues `worker` does not serve, wait as always. Tasks that send tasks nest; what
    /// is sent 1,000 levels deep waits, too.
    ///
    /// # Errors
    ///
    /// The worker would not start.
    pub fn inline(&self, worker: Worker) -> Result<(), WorkerError> {
        let steps = Steps::new(worker, Arc::clone(&self.inner.test.broker))?;
        let in_place = Arc::new(RunInPlace::new(steps, Arc::clone(&self.inner.test.broker)));
        *self.inner.test.in_place.write().unwrap_or_else(PoisonError::into_inner) = Some(in_place);
        Ok(())
    }
}

impl Default for TestQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.messages()).finish()
    }
}
