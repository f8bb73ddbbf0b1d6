//! No server is needed: a task is the function it was, and `memory://` is a queue inside this process.

use {crate}::{greet, worker};
use ltq::{Client, Shutdown, TaskResult};

#[tokio::test]
async fn the_task_greets() -> TaskResult {
    assert_eq!(greet("Ada".to_owned()).await?, "Hello, Ada!");
    Ok(())
}

#[tokio::test]
async fn the_worker_runs_what_is_sent() -> TaskResult {
    let client = Client::connect("memory://the_worker_runs_what_is_sent").await?;
    client.send(greet.message("Ada")).await?;

    let shutdown = Shutdown::new();
    let running = tokio::spawn(worker().run_until(client.clone(), shutdown.clone()));
    while client.queue("{queue}")?.stats().await?.counts.done == 0 {
        tokio::task::yield_now().await;
    }
    shutdown.request();
    running.await??;
    Ok(())
}
