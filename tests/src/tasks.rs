//! The tasks of `test-worker`, and the worker that runs them.
//!
//! Each notes its runs in the [`LedgerFile`] named in the environment. A run that is not the first attempt is noted under
//! another key (`key attempt 2`), so that a ledger in which every message ran once also proves that nothing was charged an
//! attempt.

use std::path::Path;
use std::time::Duration;

use ltq::{Context, State, TaskResult, Worker};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::ledger::LedgerFile;

/// The queue of these tasks.
pub const QUEUE: &str = "test-worker";
/// The environment variable with the lease in milliseconds; unset means the default.
pub const LEASE_MS: &str = "LTQ_TEST_LEASE_MS";
/// The environment variable with the number of recoveries that are allowed; unset means the default.
pub const MAX_RECOVERIES: &str = "LTQ_TEST_MAX_RECOVERIES";

/// The environment variable with the watchdog's limit in milliseconds; unset means the default.
pub const WATCHDOG_MS: &str = "LTQ_TEST_WATCHDOG_MS";

/// Takes `millis` milliseconds.
#[ltq::task(queue = "test-worker")]
pub async fn work(ledger: State<LedgerFile>, ctx: Context, key: String, millis: u64) -> TaskResult {
    let key = noted_key(&ctx, key);
    ledger.start(&key)?;
    tokio::time::sleep(Duration::from_millis(millis)).await;
    ledger.finish(&key)?;
    Ok(())
}

/// Runs until there is a file at `gate`, or at `gate` with a dot and the delivery number.
#[ltq::task(queue = "test-worker")]
pub async fn hold(ledger: State<LedgerFile>, ctx: Context, key: String, gate: String) -> TaskResult {
    let key = noted_key(&ctx, key);
    ledger.start(&key)?;
    opened(&gate, &ctx).await;
    ledger.finish(&key)?;
    Ok(())
}

/// As [`hold`], or until it is told to stop, which it notes under the key `key cancelled`; then it ends well.
#[ltq::task(queue = "test-worker")]
pub async fn hold_until_cancelled(ledger: State<LedgerFile>, ctx: Context, key: String, gate: String) -> TaskResult {
    let key = noted_key(&ctx, key);
    ledger.start(&key)?;
    tokio::select! {
        () = opened(&gate, &ctx) => ledger.finish(&key)?,
        () = ctx.cancelled() => ledger.finish(format_args!("{key} cancelled"))?,
    }
    Ok(())
}

/// Kills its worker, as running out of memory would.
#[ltq::task(queue = "test-worker")]
pub async fn kill_worker(ledger: State<LedgerFile>, key: String) -> TaskResult {
    ledger.start(&key)?;
    kill(Pid::this(), Signal::SIGKILL)?;
    std::future::pending().await
}

/// The worker, as the environment wants it.
///
/// # Panics
///
/// The environment does not name a ledger, or holds something that is no number.
pub fn worker() -> Worker {
    let mut worker = Worker::new(QUEUE).state(LedgerFile::from_env().unwrap());
    if let Some(millis) = number(LEASE_MS) {
        worker = worker.lease(Duration::from_millis(millis));
    }
    if let Some(recoveries) = number(MAX_RECOVERIES) {
        worker = worker.max_recoveries(recoveries);
    }
    if let Some(millis) = number(WATCHDOG_MS) {
        worker = worker.watchdog(Duration::from_millis(millis));
    }
    worker
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

fn noted_key(ctx: &Context, key: String) -> String {
    if ctx.attempt() == 1 { key } else { format!("{key} attempt {}", ctx.attempt()) }
}

async fn opened(gate: &str, ctx: &Context) {
    let own = format!("{gate}.{}", ctx.delivery());
    while !Path::new(gate).exists() && !Path::new(&own).exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
