//! Runs workers side by side in one process: connect, start, and end together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ltq_core::client::{Client, set_current};
use ltq_core::worker::{Shutdown, Worker};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;

use super::exit::RunError;
use super::flags::RunFlags;
use super::{Make, signals};

/// How long the runtime may take to end. Blocking tasks that were handed back may run for ever, and must not keep the
/// process alive.
const RUNTIME_END: Duration = Duration::from_secs(1);

/// Runs until all workers have ended; the first error ends them all and is the result.
pub(super) fn run(flags: &RunFlags, make: Make) -> Result<(), RunError> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .thread_name("ltq")
        .build()
        .map_err(|source| RunError::Start { part: "the runtime", source })?;
    if Handle::try_current().is_ok() {
        // A runtime cannot be entered inside another one: the caller's waits here, on a thread that is not its own.
        std::thread::scope(|scope| {
            let inner = scope.spawn(|| block_on(runtime, flags, make));
            inner.join().unwrap_or_else(|_| Err(RunError::Panicked("the runtime")))
        })
    } else {
        block_on(runtime, flags, make)
    }
}

fn block_on(runtime: Runtime, flags: &RunFlags, make: Make) -> Result<(), RunError> {
    let result = runtime.block_on(connect_and_run(flags, make));
    runtime.shutdown_timeout(RUNTIME_END);
    result
}

async fn connect_and_run(flags: &RunFlags, make: Make) -> Result<(), RunError> {
    let shutdown = Shutdown::new();
    signals::listen(shutdown.clone()).map_err(|source| RunError::Start { part: "listening to signals", source })?;
    // Before connecting: a wrong path is a mistake whether or not Redis is there.
    let made = catch_unwind(AssertUnwindSafe(make)).map_err(|_| RunError::Panicked("the worker function"))?;
    let workers = with_flags(made?, flags)?;
    let client = Client::connect(flags.url.expose()).await.map_err(RunError::Connect)?;
    set_current(client.clone());
    let result = run_all(workers, &client, &shutdown).await;
    client.broker().close().await;
    result
}

/// What the command line says goes over what the workers say.
fn with_flags(mut workers: Vec<Worker>, flags: &RunFlags) -> Result<Vec<Worker>, RunError> {
    if !flags.queues.is_empty() && workers.len() > 1 {
        return Err(RunError::QueuesOfSeveral(workers.len()));
    }
    for worker in &mut workers {
        let mut changed = std::mem::replace(worker, Worker::new("")).exit_when_stalled();
        if let Some(concurrency) = flags.concurrency {
            changed = changed.concurrency(concurrency.get());
        }
        if let Some(timeout) = flags.shutdown_timeout {
            changed = changed.shutdown_timeout(timeout);
        }
        if !flags.queues.is_empty() {
            changed = changed.queues(flags.queues.iter().map(String::as_str));
        }
        *worker = changed;
    }
    Ok(workers)
}

async fn run_all(workers: Vec<Worker>, client: &Client, shutdown: &Shutdown) -> Result<(), RunError> {
    let mut running = JoinSet::new();
    for worker in workers {
        let (client, shutdown) = (client.clone(), shutdown.clone());
        running.spawn(async move {
            let name = worker.name().to_owned();
            worker.run_until(client, shutdown).await.map_err(|source| RunError::Worker { name, source })
        });
    }
    let mut first = Ok(());
    while let Some(ended) = running.join_next().await {
        let ended = ended.unwrap_or_else(|_| Err(RunError::Panicked("a worker")));
        if let Err(error) = ended
            && first.is_ok()
        {
            if !running.is_empty() {
                tracing::error!(%error, "a worker failed; the others stop");
            }
            // Asking twice would hand back what a stop that is already under way still waits for.
            if !shutdown.is_requested() {
                shutdown.request();
            }
            first = Err(error);
        }
    }
    first
}
