//! [`WorkerOptions`]: the numbers of a worker and their defaults.

use std::time::Duration;

use crate::broker::DeadLimits;

/// The numbers of a worker. Set through the methods of [`Worker`](super::Worker).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// How many tasks run at once.
    pub concurrency: usize,
    /// How long running tasks may take to finish when the worker is asked to stop.
    pub shutdown_timeout: Duration,
    /// How long a worker's messages stay its own without a sign of life.
    pub lease: Duration,
    /// How long a message whose task nobody knows is put back.
    pub unknown_task_grace: Duration,
    /// How often a message may be recovered from a dead worker.
    pub max_recoveries: u64,
    /// How many dead letters are kept, and for how long.
    pub dead_limits: DeadLimits,
    /// How long there may be no progress.
    pub watchdog: Duration,
    /// How long there may be no progress before the worker is not ready; `None` for two leases.
    pub ready_within: Option<Duration>,
    /// What is deployed, as the operator calls it; `None` for what `LTQ_DEPLOYMENT` says.
    pub deployment: Option<String>,
    /// Whether the watchdog ends a process that hangs.
    pub exit_when_stalled: bool,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            concurrency: 100,
            shutdown_timeout: Duration::from_secs(25),
            lease: Duration::from_secs(8),
            unknown_task_grace: Duration::from_secs(60),
            max_recoveries: 5,
            dead_limits: DeadLimits::default(),
            watchdog: Duration::from_secs(300),
            ready_within: None,
            deployment: None,
            exit_when_stalled: false,
        }
    }
}
