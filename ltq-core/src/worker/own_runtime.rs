//! Running a worker on a runtime of its own, whatever runtime its caller is on.
//!
//! The worker gets connections of its own as well, because a connection is served by the runtime that opened it: a busy
//! caller would hold it up.

use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::builder::Worker;
use super::error::WorkerError;
use super::run;
use super::shutdown::Shutdown;
use crate::client::{BrokerAccess as _, Client};

/// How long the runtime may take to end. Blocking tasks that were handed back may run for ever.
const RUNTIME_END: Duration = Duration::from_secs(1);

/// Runs a worker on a new runtime of so many threads. Dropping the future drops the worker's.
pub(super) async fn run(worker: Worker, threads: usize, client: Client, shutdown: Shutdown) -> Result<(), WorkerError> {
    let start_error = |source| WorkerError::Start { part: "runtime", source };
    if threads == 0 {
        let (value, rule) = ("0 threads".to_owned(), "it must have at least 1");
        return Err(WorkerError::InvalidOption { option: "own runtime", value, rule });
    }
    let name = format!("ltq-{}", worker.name());
    let runtime = Builder::new_multi_thread().worker_threads(threads).thread_name(&name).enable_all().build();
    let runtime = runtime.map_err(start_error)?;
    let dropped = CancellationToken::new();
    let (ended, result) = oneshot::channel();
    let watched = dropped.clone();
    let span = tracing::Span::current();
    // Not joined: a runtime that hangs must not make its caller hang with it.
    std::thread::Builder::new()
        .name(name)
        .spawn(move || {
            let run = async {
                let own = client.with_broker(client.broker().dedicated().await?);
                let result = run::run(worker, own.clone(), shutdown).await;
                own.close().await;
                result
            };
            let result = runtime.block_on(tracing::Instrument::instrument(watched.run_until_cancelled(run), span));
            runtime.shutdown_timeout(RUNTIME_END);
            // Nobody waits for it any more where it was dropped.
            let _ = result.map(|result| ended.send(result));
        })
        .map_err(start_error)?;
    let _guard = dropped.drop_guard();
    // Its sender is gone without a word only where the thread panicked.
    result.await.unwrap_or(Err(WorkerError::Panicked))
}
