//! `cargo run -p examples --bin retries`: an error that passes, one that stays, a wait, a refusal.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use examples::retries::{delete, download, publish, worker};
use examples::until_empty;
use ltq::{Shutdown, TaskResult};

#[tokio::main]
async fn main() -> TaskResult {
    let client = ltq::connect("memory://").await?;
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(worker().run_until(client.clone(), shutdown.clone()));

    // One after the other, so that the output is in order.
    let report = download.message("report.csv", 2);
    let archive = download.message("archive.zip", 3);
    for message in [report, archive, publish.message("index.html"), delete.message("backup.zip")] {
        message.send().await?;
        until_empty(&client, "retries").await?;
    }

    // The latest comes first.
    for letter in client.queue("retries")?.dead_letters().list(0, 10).await? {
        println!("dead letter after {} attempts: {}", letter.attempts, letter.error);
    }

    shutdown.request();
    worker.await??;
    Ok(())
}
