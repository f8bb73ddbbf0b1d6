//! [`RateLimit`]: at most so many starts per time.
//!
//! Messages that must wait get turns, one after the other at the pace of the rate, and come back when theirs has come.
//! Without turns all would come back at the same earliest moment, one would start, and the rest would go back again.

mod limit;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use self::limit::InvalidRate;
use self::limit::{Answer, Limit};
use super::{Middleware, Next};
use crate::BoxError;
use crate::task::{Delivery, Output, Rate, RetryMessage, TaskDef};

/// A start that is nearer than this is awaited, with the worker slot held: a put-back would cost more.
const PATIENCE: Duration = Duration::from_millis(50);

/// Marks a message that comes back because its turn has come. It lives in the carried map, so whichever worker takes
/// the message knows.
const TURN: &str = "ltq.rate_limit";

/// Keeps tasks to their `rate`, and all tasks together to one more limit if that is asked for.
///
/// Limits are per worker process and start full: of `rate = "10/s"` ten start at once, then one each 100 ms. A message
/// that would have to wait longer than 50 ms is put back until its turn, uncharged, and its worker slot is free.
#[derive(Debug, Default)]
#[must_use]
pub struct RateLimit {
    shared: Option<Result<Limit, InvalidRate>>,
    tasks: Mutex<HashMap<&'static str, Arc<Limit>>>,
}

impl RateLimit {
    /// Keeps each task to its own `rate`; tasks without one are free.
    pub fn per_task() -> Self {
        Self::default()
    }

    /// Keeps all tasks this middleware is around to `rate` together, and each to its own as well.
    ///
    /// A worker refuses to start with a rate of nothing, or of more than one start per nanosecond.
    pub fn shared(rate: Rate) -> Self {
        Self { shared: Some(Limit::new(rate)), tasks: Mutex::default() }
    }

    fn of_task(&self, task: &TaskDef) -> Result<Option<Arc<Limit>>, InvalidRate> {
        let Some(rate) = task.options.rate else { return Ok(None) };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limit) = tasks.get(task.name) {
            return Ok(Some(Arc::clone(limit)));
        }
        let limit = Arc::new(Limit::new(rate)?);
        tasks.insert(task.name, Arc::clone(&limit));
        Ok(Some(limit))
    }
}

impl Middleware for RateLimit {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        let has_turn = delivery.context().remove(TURN);
        // The task's own limit first: a start taken from it in vain costs the other tasks nothing.
        if let Some(limit) = self.of_task(delivery.task())? {
            pass(&limit, &delivery, has_turn).await?;
        }
        match &self.shared {
            Some(Ok(limit)) => pass(limit, &delivery, has_turn).await?,
            Some(Err(invalid)) => return Err(invalid.clone().into()),
            None => {}
        }
        next.run(delivery).await
    }

    fn concerns(&self, delivery: &Delivery) -> bool {
        self.shared.is_some() || delivery.task().options.rate.is_some()
    }

    fn reads_output(&self) -> bool {
        false
    }

    fn check(&self) -> Result<(), BoxError> {
        match &self.shared {
            Some(Err(invalid)) => Err(invalid.clone().into()),
            _ => Ok(()),
        }
    }
}

/// Waits for a start that is near, or puts the message back.
async fn pass(limit: &Limit, delivery: &Delivery, mut has_turn: bool) -> Result<(), RetryMessage> {
    // Turns and starts drift apart by what timers and the broker add, so one that comes a little early is not sent to
    // the end of the line.
    let mut patience = PATIENCE;
    loop {
        let (wait, turn_given) = match limit.ask(has_turn, patience) {
            Answer::Start => return Ok(()),
            Answer::Soon(wait) => {
                patience = patience.saturating_sub(wait);
                tokio::time::sleep(wait).await;
                continue;
            }
            Answer::Turn(wait) if wait <= PATIENCE => {
                has_turn = true;
                tokio::time::sleep(wait).await;
                continue;
            }
            Answer::Turn(wait) => (wait, true),
            Answer::AskAgain(wait) => (wait, false),
        };
        if turn_given {
            // Writing a boolean cannot fail; and without the mark the message would only wait once more.
            let _ = delivery.context().set(TURN, &true);
        }
        return Err(RetryMessage::new(wait, limit.to_string()).uncharged());
    }
}
