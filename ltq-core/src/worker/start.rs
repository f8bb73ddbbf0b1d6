//! Starting a worker: on the runtime of the caller or one of its own, until a signal or a request.
//!
//! Next: `worker/run.rs`.

use super::builder::Worker;
use super::error::WorkerError;
use super::shutdown::Shutdown;
use super::{own_runtime, run};
use crate::client::{Client, current};

impl Worker {
    /// Runs until ctrl-c or SIGTERM, on the process-wide client. A second signal hands back what still runs.
    ///
    /// # Errors
    ///
    /// As [`run_until`](Self::run_until), or the process-wide client cannot be connected.
    pub async fn run(self) -> Result<(), WorkerError> {
        let client = current().await?;
        let shutdown = Shutdown::new();
        let signals = shutdown.on_signals().map_err(|source| WorkerError::Start { part: "signal handlers", source })?;
        tokio::select! {
            result = self.run_until(client, shutdown) => result,
            () = signals => Ok(()),
        }
    }

    /// Runs until `shutdown` is asked for, on the broker of `client`, with which its tasks send.
    ///
    /// # Errors
    ///
    /// The worker cannot start (no task, a missing state, two tasks of one name, no broker) or had to give up.
    pub async fn run_until(self, client: Client, shutdown: Shutdown) -> Result<(), WorkerError> {
        match self.runtime_threads {
            Some(threads) => own_runtime::run(self, threads, client, shutdown).await,
            None => run::run(self, client, shutdown).await,
        }
    }
}
