//! How is a slow service not overrun? `cargo run -p examples --bin rate_limit`
//!
//! A message over the limit goes back to the queue until its turn, uncharged. Its worker slot is free meanwhile: with a
//! single slot, other work gets done while a message waits for an hour.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use ltq::Worker;

/// Calls a service that bears one call per second.
#[ltq::task(queue = "rate_limit", rate = "1/s")]
pub async fn call(number: u32) {
    println!("call {number}");
}

/// Asks for a report of which the service makes one per hour.
#[ltq::task(queue = "rate_limit", rate = "1/h")]
pub async fn report(number: u32) {
    println!("report {number}");
}

/// Has no limit.
#[ltq::task(queue = "rate_limit")]
pub async fn other() {
    println!("other work");
}

/// The worker. The limits are its own: two processes make two calls per second.
#[ltq::worker]
pub fn worker() -> Worker {
    Worker::new("rate_limit").concurrency(1)
}
