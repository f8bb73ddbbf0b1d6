//! `cargo run -p examples --bin scheduled`: four messages, run in the order in which they are due.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use examples::scheduled::{reminders, worker};
use examples::until_empty;
use ltq::{Shutdown, TaskResult};

#[tokio::main]
async fn main() -> TaskResult {
    let client = ltq::connect("memory://").await?;
    client.send_bulk(reminders()).await?;
    let stats = client.queue("scheduled")?.stats().await?;
    println!("{} ready, {} scheduled", stats.ready, stats.scheduled);

    let shutdown = Shutdown::new();
    let worker = tokio::spawn(worker().run_until(client.clone(), shutdown.clone()));
    until_empty(&client, "scheduled").await?;
    shutdown.request();
    worker.await??;
    Ok(())
}
