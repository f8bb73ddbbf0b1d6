//! The tasks of the quickstart: `cargo run -p examples --bin quickstart`
//!
//! Four kinds of work on one queue: async, CPU-bound, one that fails at first and is retried, one that ends as a dead
//! letter.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ltq::{Context, RejectMessage, State, TaskResult, Worker};

/// What the tasks have produced: a value the worker shares with all of them.
#[derive(Debug, Default)]
pub struct Results {
    lines: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Results {
    fn add(&self, task: &str, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.entry(task.to_owned()).or_default().push(line);
    }

    /// How many results each task has produced, and one of them: the first in the alphabet, so that runs compare.
    pub fn summary(&self) -> Vec<(String, usize, String)> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .map(|(task, all)| (task.clone(), all.len(), all.iter().min().cloned().unwrap_or_default()))
            .collect()
    }
}

/// Greets somebody. Awaits something, as most tasks do.
#[ltq::task(queue = "quickstart")]
pub async fn greet(results: State<Results>, name: String) {
    tokio::task::yield_now().await;
    results.add("greet", format!("Hello, {name}!"));
}

/// Counts the primes below a number: CPU work, so it runs on the blocking pool.
#[ltq::task(queue = "quickstart", blocking)]
pub fn count_primes(results: State<Results>, below: u32) {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    let count = (2..below).filter(is_prime).count();
    results.add("count_primes", format!("{count} primes below {below}"));
}

/// Fails the first time, as the world does. The worker retries it after a moment.
#[ltq::task(queue = "quickstart", max_attempts = 3, backoff = "10ms..100ms")]
pub async fn charge_card(results: State<Results>, ctx: Context, order: u32) -> TaskResult {
    if ctx.attempt() == 1 {
        return Err(std::io::Error::other("the payment service is busy").into());
    }
    results.add("charge_card", format!("order {order} charged at attempt {}", ctx.attempt()));
    Ok(())
}

/// Refuses a message for good: it becomes a dead letter and is never retried.
#[ltq::task(queue = "quickstart")]
pub async fn ship(results: State<Results>, order: u32, address: Option<String>) -> Result<(), RejectMessage> {
    let Some(address) = address else {
        return Err(RejectMessage::new(format!("order {order} has no address")));
    };
    results.add("ship", format!("order {order} shipped to {address}"));
    Ok(())
}

/// The worker: 20 tasks at once, and the place where results go.
pub fn worker(results: State<Results>) -> Worker {
    Worker::new("quickstart").concurrency(20).shared_state(results)
}
