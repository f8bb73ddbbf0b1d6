//! `cargo run -p examples --bin rate_limit`: three calls at one per second, and other work sent after them.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use std::time::{Duration, Instant};

use examples::rate_limit::{call, other, worker};
use examples::until_empty;
use ltq::{Shutdown, TaskResult};

#[tokio::main]
async fn main() -> TaskResult {
    let client = ltq::connect("memory://").await?;
    let started = Instant::now();
    client.send_bulk([call.message(1), call.message(2), call.message(3), other.message()]).await?;

    let shutdown = Shutdown::new();
    let worker = tokio::spawn(worker().run_until(client.clone(), shutdown.clone()));
    until_empty(&client, "rate_limit").await?;
    if started.elapsed() >= Duration::from_secs(2) {
        println!("the third call was made 2 s after the first");
    }
    shutdown.request();
    worker.await??;
    Ok(())
}
