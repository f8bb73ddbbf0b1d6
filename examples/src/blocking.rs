//! Where does work go that computes instead of waiting? `cargo run -p examples --bin blocking`
//!
//! A plain `fn` marked `blocking` runs on threads of its own, so async tasks of the worker go on beside it. It cannot be
//! interrupted from outside: one that may run for long looks at `Context::is_cancelled` now and then.

use ltq::{Context, State, Worker};
use tokio::sync::mpsc::UnboundedSender;

/// Where results go.
pub type Results = UnboundedSender<String>;

/// Counts the primes below a number.
#[ltq::task(queue = "blocking", blocking)]
pub fn count_primes(results: State<Results>, below: u32) {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    let count = (2..below).filter(is_prime).count();
    // Nobody may be listening any more.
    let _ = results.send(format!("{count} primes below {below}"));
}

/// Searches for what does not exist, until it is told to stop.
#[ltq::task(queue = "blocking", blocking, timeout = "50ms", max_attempts = 1)]
pub fn odd_perfect_number(results: State<Results>, ctx: Context) {
    for candidate in (1_u64..).step_by(2) {
        if ctx.is_cancelled() {
            let _ = results.send("the search was told to stop, and did".to_owned());
            return;
        }
        if (1..candidate).filter(|divisor| candidate.is_multiple_of(*divisor)).sum::<u64>() == candidate {
            let _ = results.send(format!("{candidate} is perfect"));
            return;
        }
    }
}

/// The worker: as many computations at once as it has slots, so few.
pub fn worker(results: Results) -> Worker {
    Worker::new("blocking").concurrency(2).state(results)
}
