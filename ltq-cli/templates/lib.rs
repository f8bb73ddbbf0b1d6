//! Tasks, and the worker that runs them.

use ltq::{TaskResult, Worker};

/// Greets somebody. Replace it by work of your own.
#[ltq::task(queue = "{queue}", max_attempts = 5, timeout = "30s")]
pub async fn greet(name: String) -> TaskResult<String> {
    let greeting = format!("Hello, {name}!");
    println!("{greeting}");
    Ok(greeting)
}

/// What `ltq run {crate}::worker` starts: serves the queue `{queue}`.
#[ltq::worker]
pub fn worker() -> Worker {
    Worker::new("{queue}")
}
