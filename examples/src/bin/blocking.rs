//! `cargo run -p examples --bin blocking`: computations beside the async runtime, and one that is stopped.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use examples::blocking::{count_primes, odd_perfect_number, worker};
use examples::until_empty;
use ltq::{Shutdown, TaskResult};
use tokio::sync::mpsc::unbounded_channel;

#[tokio::main(flavor = "current_thread")]
async fn main() -> TaskResult {
    let client = ltq::connect("memory://").await?;
    let shutdown = Shutdown::new();
    let (sender, mut results) = unbounded_channel();
    let worker = tokio::spawn(worker(sender).run_until(client.clone(), shutdown.clone()));

    count_primes.send_bulk([1_000, 10_000, 100_000].map(|below| count_primes.message(below))).await?;
    let mut counts = Vec::new();
    while counts.len() < 3 {
        results.recv_many(&mut counts, 1).await;
    }
    counts.sort_by_key(String::len);
    println!("{}", counts.join("\n"));

    odd_perfect_number.send().await?;
    println!("{}", results.recv().await.unwrap_or_default());
    until_empty(&client, "blocking").await?;
    for letter in client.queue("blocking")?.dead_letters().list(0, 1).await? {
        println!("dead letter: {}", letter.error);
    }
    shutdown.request();
    worker.await??;
    Ok(())
}
