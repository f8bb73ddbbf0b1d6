//! `cargo run -p examples --bin middleware`: a request id goes with a message, and a message is refused.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use examples::middleware::{NoInternalTasks, SendRequestId, cleanup, resize, worker};
use examples::until_empty;
use ltq::{Client, Shutdown, TaskResult};

#[tokio::main]
async fn main() -> TaskResult {
    let client = Client::builder().middleware(NoInternalTasks).middleware(SendRequestId).connect("memory://").await?;
    // From here on `task.send(…)` goes through it too.
    ltq::set_current(client.clone());

    if let Err(error) = cleanup.send().await {
        println!("{error}");
    }
    resize.send("cat.png").await?;

    let shutdown = Shutdown::new();
    let worker = tokio::spawn(worker().run_until(client.clone(), shutdown.clone()));
    until_empty(&client, "middleware").await?;
    shutdown.request();
    worker.await??;
    Ok(())
}
