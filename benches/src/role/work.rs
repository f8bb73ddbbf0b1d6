//! LTQ workers that run until they are stopped. The driver sees by the counts in Redis how far they are.

use std::time::Duration;

use ltq::{BoxError, Client, Shutdown, Worker, WorkerError};
use tokio::task::JoinSet;

use super::Stage;
use crate::job::{Outcome, Workers};
use crate::messages::queue;
use crate::usage::Start;

/// How long workers that are ready get until they wait at the server with nothing left to do.
const SETTLE: Duration = Duration::from_millis(100);

/// Workers that run in this process.
pub(super) struct Running {
    shutdown: Shutdown,
    workers: JoinSet<Result<(), WorkerError>>,
}

pub(super) async fn run(url: &str, workers: Workers, stage: &mut Stage) -> Result<Outcome, BoxError> {
    let client = Client::connect(url).await?;
    let running = Running::start(&client, workers).await?;
    stage.wait_for_go().await?;
    let start = Start::now()?;
    stage.wait_for_stop().await?;
    let outcome = start.outcome()?;
    running.stop().await?;
    Ok(outcome)
}

impl Running {
    /// Starts the workers and waits until they are idle.
    pub(super) async fn start(client: &Client, workers: Workers) -> Result<Self, BoxError> {
        let workers = (0..workers.workers).map(|number| {
            let worker = Worker::new(format!("bench-{number}"))
                .queues((0..workers.queues).map(queue))
                .concurrency(workers.concurrency);
            if workers.middleware { worker } else { worker.without_default_middleware() }
        });
        Self::start_all(client, workers).await
    }

    /// The same for workers that are built already.
    pub(super) async fn start_all(client: &Client, workers: impl Iterator<Item = Worker>) -> Result<Self, BoxError> {
        let mut running = Self { shutdown: Shutdown::new(), workers: JoinSet::new() };
        for worker in workers {
            let health = worker.health();
            running.workers.spawn(worker.run_until(client.clone(), running.shutdown.clone()));
            while !health.is_ready() {
                if let Some(ended) = running.workers.try_join_next() {
                    ended??;
                    return Err("a worker has ended before it was asked to".into());
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        tokio::time::sleep(SETTLE).await;
        Ok(running)
    }

    pub(super) async fn stop(mut self) -> Result<(), BoxError> {
        self.shutdown.request();
        while let Some(ended) = self.workers.join_next().await {
            ended??;
        }
        Ok(())
    }
}
