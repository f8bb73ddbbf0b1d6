//! Many light workers in one process: real ones, each with its heartbeat and its connections, on one client.
//!
//! What it has used is told whenever the driver asks, so that the same workers can be watched while they idle, while they work
//! and while they are woken. A middleware counts for each worker how many messages it had.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ltq::middleware::{Middleware, Next};
use ltq::{BoxError, Client, Delivery, Output, Worker};

use super::Stage;
use super::work::Running;
use crate::job::{Crowd, Outcome};
use crate::limits::allow_open_files;
use crate::numbers::from_count;
use crate::usage::{Start, threads};

/// More files than a worker on one queue has open, and than the process has beside its workers.
const FILES: (usize, usize) = (10, 200);

/// What the outcome of a crowd says in its own words.
pub(crate) const FEWEST: &str = "messages of the worker with the fewest";
pub(crate) const MOST: &str = "messages of the worker with the most";
pub(crate) const TOOK: &str = "workers that had a message";
pub(crate) const THREADS: &str = "threads";

/// Counts the messages of one worker.
struct Counted(Arc<AtomicU64>);

impl Middleware for Counted {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        next.run(delivery).await
    }

    fn reads_output(&self) -> bool {
        false
    }
}

pub(super) async fn run(url: &str, crowd: &Crowd, stage: &mut Stage) -> Result<Outcome, BoxError> {
    allow_open_files(FILES.0 * crowd.workers * crowd.queues.len() + FILES.1)?;
    let client = Client::connect(url).await?;
    let counts: Vec<Arc<AtomicU64>> = (0..crowd.workers).map(|_| Arc::default()).collect();
    let workers = counts.iter().enumerate().map(|(number, count)| {
        Worker::new(format!("{}-{number}", crowd.name))
            .queues(crowd.queues.iter().cloned())
            .concurrency(crowd.concurrency)
            .middleware(Counted(Arc::clone(count)))
    });
    let running = Running::start_all(&client, workers).await?;
    stage.wait_for_go().await?;
    let mut start = Start::now()?;
    while stage.wait_for_question().await? {
        let outcome = so_far(start, &counts)?;
        stage.say(&serde_json::to_string(&outcome)?)?;
        start = Start::now()?;
    }
    let outcome = so_far(start, &counts)?;
    running.stop().await?;
    Ok(outcome)
}

/// What was used since `start`. Counts begin anew.
fn so_far(start: Start, counts: &[Arc<AtomicU64>]) -> Result<Outcome, BoxError> {
    let outcome = start.outcome()?;
    let counts: Vec<u64> = counts.iter().map(|count| count.swap(0, Ordering::Relaxed)).collect();
    let took = counts.iter().filter(|count| **count > 0).count();
    let more = [
        (FEWEST, counts.iter().min().copied().unwrap_or(0)),
        (MOST, counts.iter().max().copied().unwrap_or(0)),
        (TOOK, u64::try_from(took)?),
        (THREADS, threads()),
    ];
    let more = more.map(|(name, number)| (name.to_owned(), from_count(number))).into();
    Ok(Outcome { more, ..outcome })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_once() {
        let counts = [0, 7, 3].map(|count| Arc::new(AtomicU64::new(count)));
        let told = so_far(Start::now().unwrap(), &counts).unwrap().more;
        assert_eq!([told[FEWEST], told[MOST], told[TOOK]].map(|value| format!("{value}")), ["0", "7", "2"]);
        assert_eq!(format!("{}", so_far(Start::now().unwrap(), &counts).unwrap().more[MOST]), "0");
    }
}
