//! `cargo run -p examples --bin rate_limit`: three calls at one per second, then a report that waits and other work that does
//! not.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use std::time::{Duration, Instant};

use examples::rate_limit::{call, other, report, worker};
use examples::until_empty;
use ltq::{Shutdown, TaskResult};

#[tokio::main]
async fn main() -> TaskResult {
    let client = ltq::connect("memory://").await?;
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(worker().run_until(client.clone(), shutdown.clone()));

    let started = Instant::now();
    client.send_bulk((1..=3).map(|number| call.message(number))).await?;
    until_empty(&client, "rate_limit").await?;
    if started.elapsed() >= Duration::from_secs(2) {
        println!("three calls took at least 2 s");
    }

    client.send_bulk([report.message(1), report.message(2), other.message()]).await?;
    let waiting = loop {
        let stats = client.queue("rate_limit")?.stats().await?;
        if stats.ready + stats.active == 0 {
            break stats.scheduled;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    println!("{waiting} report waits for its turn");

    shutdown.request();
    worker.await??;
    Ok(())
}
