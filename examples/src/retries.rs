//! What happens after an error? `cargo run -p examples --bin retries`
//!
//! An error is tried again while attempts are left; [`RetryMessage`] says when; [`RejectMessage`] says never. What is
//! left over is a dead letter, which can be looked at and replayed.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use std::io;
use std::time::Duration;

use ltq::middleware::Retry;
use ltq::{Context, RejectMessage, RetryMessage, TaskResult, Worker};

/// Fails as often as it is told. Any error with `?` would do.
#[ltq::task(queue = "retries", max_attempts = 3, backoff = "1ms..10ms")]
pub async fn download(ctx: Context, file: String, failures: u32) -> TaskResult {
    let attempt = ctx.attempt();
    if attempt <= failures {
        println!("{file}: attempt {attempt} fails");
        return Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
    }
    println!("{file}: attempt {attempt} succeeds");
    Ok(())
}

/// Waits for something that is not there yet. No attempt is charged, since nothing has failed.
#[ltq::task(queue = "retries")]
pub async fn publish(ctx: Context, file: String) -> Result<(), RetryMessage> {
    if ctx.delivery() < 3 {
        println!("{file}: not there at delivery {}, still attempt {}", ctx.delivery(), ctx.attempt());
        return Err(RetryMessage::new(Duration::from_millis(5), "the file is not there yet").uncharged());
    }
    println!("{file}: published at delivery {}", ctx.delivery());
    Ok(())
}

/// Refuses what can never succeed.
#[ltq::task(queue = "retries")]
pub async fn delete(file: String) -> Result<(), RejectMessage> {
    println!("{file}: never");
    Err(RejectMessage::new(format!("{file} must not be deleted")))
}

/// The worker. Tasks without `max_attempts` and `backoff` follow the `Retry` given here.
#[ltq::worker]
pub fn worker() -> Worker {
    Worker::new("retries").middleware(Retry::exponential(Duration::from_millis(1), Duration::from_secs(1)).attempts(2))
}
