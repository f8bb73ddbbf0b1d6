//! [`Clock`]: the clock of a process that both sends and runs, and the latencies taken by it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ltq::BoxError;

/// How long the last messages may take after the last send.
const PATIENCE: Duration = Duration::from_secs(60);

/// The clock of this process, and what was measured by it.
pub(crate) struct Clock {
    base: Instant,
    arrived: Mutex<Vec<Latency>>,
}

/// How long one message took.
pub(crate) struct Latency {
    pub(crate) from_due_ns: u64,
    pub(crate) from_send_ns: u64,
}

/// The one clock.
pub(crate) fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(|| Clock { base: Instant::now(), arrived: Mutex::default() })
}

impl Clock {
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Notes that something due and sent then has arrived now.
    pub(crate) fn ran(&self, due_ns: u64, sent_ns: u64) {
        let now = self.now_ns();
        self.arrived()
            .push(Latency { from_due_ns: now.saturating_sub(due_ns), from_send_ns: now.saturating_sub(sent_ns) });
    }

    fn arrived(&self) -> MutexGuard<'_, Vec<Latency>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for so many arrivals and takes them.
    pub(crate) async fn take(&self, count: u32) -> Result<Vec<Latency>, BoxError> {
        let until = Instant::now() + PATIENCE;
        let count = usize::try_from(count)?;
        while self.arrived().len() < count {
            if Instant::now() > until {
                return Err(format!("only {} of {count} messages have run", self.arrived().len()).into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(std::mem::take(&mut *self.arrived()))
    }
}
