//! [`Timeout`]: an attempt that takes too long ends as an error.

use std::time::Duration;

use super::{Middleware, Next};
use crate::BoxError;
use crate::task::{Delivery, Output};

/// Ends attempts that take too long, with the error [`Elapsed`].
///
/// The limit is the task's `timeout`, else the one given here, else there is none. When it is over, the context is
/// cancelled and the execution dropped where it waits. A `blocking` task cannot be dropped: it runs on, unwatched, until
/// it looks at `Context::is_cancelled`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct Timeout {
    limit: Option<Duration>,
}

impl Timeout {
    /// Gives every task `limit` per attempt unless it has a `timeout` of its own. Zero is refused when the worker
    /// starts.
    pub fn after(limit: Duration) -> Self {
        Self { limit: Some(limit) }
    }

    fn limit_of(&self, delivery: &Delivery) -> Option<Duration> {
        delivery.task().options.timeout.or(self.limit)
    }
}

impl Middleware for Timeout {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        let Some(limit) = self.limit_of(&delivery) else { return next.run(delivery).await };
        let context = delivery.context().clone();
        let mut execution = next.start(delivery);
        let Ok(result) = tokio::time::timeout(limit, &mut execution).await else {
            // First the signal, so that whatever runs while the execution is dropped can see it.
            context.cancel();
            drop(execution);
            return Err(Elapsed { limit }.into());
        };
        result
    }

    fn concerns(&self, delivery: &Delivery) -> bool {
        self.limit_of(delivery).is_some()
    }

    fn reads_output(&self) -> bool {
        false
    }

    fn check(&self) -> Result<(), BoxError> {
        match self.limit {
            Some(Duration::ZERO) => Err(NoTime.into()),
            _ => Ok(()),
        }
    }
}

/// The attempt took longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the task took longer than {limit:?}: give it more time with `timeout = \"…\"` in its attribute, or less to do in \
     one message"
)]
#[non_exhaustive]
pub struct Elapsed {
    /// How long it may take.
    pub limit: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("`Timeout::after` was given no time at all: give it more than zero, or leave it out")]
struct NoTime;
