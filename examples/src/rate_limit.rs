//! How is a slow service not overrun? `cargo run -p examples --bin rate_limit`
//!
//! A message over the limit goes back to the queue until its turn, uncharged. Its worker slot is free meanwhile: with a
//! single slot, other work gets done between the calls.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use ltq::Worker;

/// Calls a service that bears one call per second.
#[ltq::task(queue = "rate_limit", rate = "1/s")]
pub async fn call(number: u32) {
    println!("call {number}");
}

/// Has no limit.
#[ltq::task(queue = "rate_limit")]
pub async fn other() {
    println!("other work, while the calls wait for their turn");
}

/// The worker. The limit is its own: two processes make two calls per second.
#[ltq::worker]
pub fn worker() -> Worker {
    Worker::new("rate_limit").concurrency(1)
}
