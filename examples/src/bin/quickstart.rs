//! `cargo run -p examples --bin quickstart`: a producer and a worker in one program, without any server.
//!
//! With `LTQ_URL=redis://localhost:6379` the same program uses Redis.

use std::time::Duration;

use examples::quickstart::{self, Results, charge_card, count_primes, greet, ship};
use ltq::{Client, Shutdown, State, TaskResult};

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the output is the point")]
async fn run() -> TaskResult {
    let url = std::env::var("LTQ_URL").unwrap_or_else(|_| "memory://".to_owned());
    let client = ltq::connect(&url).await?;
    let before = client.queue("quickstart")?.stats().await?.counts;

    // Usually a process of its own, started with `ltq run`; here it runs beside the producer.
    let results = State::new(Results::default());
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(quickstart::worker(results.clone()).run_until(client.clone(), shutdown.clone()));

    // One message; the arguments are typed.
    greet.send("world").await?;
    // Many at once.
    greet.send_bulk((1..=200).map(|n| greet.message(format!("guest {n}")))).await?;
    count_primes.send_bulk((1..=50).map(|n| count_primes.message(n * 1_000))).await?;
    // Later.
    greet.message("early bird").delay(Duration::from_millis(300)).send().await?;
    // Of several tasks in one go.
    let orders = (1..=30).flat_map(|order| {
        let address = (order != 13).then(|| format!("{order} Main Street"));
        [charge_card.message(order), ship.message(order, address)]
    });
    client.send_bulk(orders).await?;
    // An address may hold a password; what the client prints of it does not.
    println!("sent 312 messages to {}", client.address());

    follow(&client).await?;
    shutdown.request();
    worker.await??;

    for (task, count, one) in results.summary() {
        println!("{task:>14} {count:>3} done, for example: {one}");
    }
    let counts = client.queue("quickstart")?.stats().await?.counts;
    println!("{:>14} {:>3} put back and tried again", "retries", counts.retried - before.retried);
    for letter in client.queue("quickstart")?.dead_letters().list(0, counts.dead - before.dead).await? {
        println!("{:>14}     {} at attempt {}", "dead letter", letter.error, letter.attempts);
    }
    Ok(())
}

/// Waits until nothing is waiting or running any more.
async fn follow(client: &Client) -> TaskResult {
    loop {
        let stats = client.queue("quickstart")?.stats().await?;
        if stats.ready + stats.scheduled + stats.active == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
