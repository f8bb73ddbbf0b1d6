//! Runs an app as a process: a runtime, signals, a connection, and the flags over what the workers say.
//!
//! Next: `ltq-core/src/worker/app.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ltq_core::client::{Client, set_current};
use ltq_core::worker::{App, AppError, Shutdown};
use tokio::runtime::{Builder, Handle, Runtime};

use super::exit::RunError;
use super::flags::RunFlags;
use super::{probes, signals};

/// Makes what runs. Called inside the runtime, because a worker's state may need one (a database pool, a client).
pub(super) type Make = Box<dyn FnOnce() -> Result<App, RunError> + Send>;

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
    let app = with_flags(made?, flags)?;
    if let Some(address) = flags.health_addr {
        let workers = app.workers().iter().map(|worker| (worker.name().to_owned(), worker.health())).collect();
        probes::serve(address, workers, shutdown.clone()).map_err(|source| RunError::Probes { address, source })?;
    }
    let settings = app.client_settings().cloned().unwrap_or_else(Client::builder);
    let client = settings.connect(flags.url.expose()).await.map_err(AppError::Client)?;
    set_current(client.clone());
    let result = app.run_until(client.clone(), shutdown).await;
    client.close().await;
    Ok(result?)
}

/// What the command line says goes over what the workers say.
fn with_flags(app: App, flags: &RunFlags) -> Result<App, RunError> {
    let workers = app.workers().len();
    if !flags.queues.is_empty() && workers > 1 {
        return Err(RunError::QueuesOfSeveral(workers));
    }
    Ok(app.each(|worker| {
        let mut changed = worker.exit_when_stalled();
        if let Some(concurrency) = flags.concurrency {
            changed = changed.concurrency(concurrency.get());
        }
        if let Some(timeout) = flags.shutdown_timeout {
            changed = changed.shutdown_timeout(timeout);
        }
        if !flags.queues.is_empty() {
            changed = changed.queues(flags.queues.iter().map(String::as_str));
        }
        changed
    }))
}
