//! [`Health`]: whether a worker makes progress, as probes and the watchdog see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Whether a worker makes progress. Cheap to clone; clones watch the same worker.
#[derive(Debug, Clone)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    started: Instant,
    running: AtomicBool,
    /// When the fetch loop last made a turn, or had none to make; in milliseconds since `started`.
    fetch_ms: AtomicU64,
    /// When the broker last answered the heartbeat; in milliseconds since `started`.
    broker_ms: AtomicU64,
    limit_ms: AtomicU64,
}

impl Health {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                started: Instant::now(),
                running: AtomicBool::new(false),
                fetch_ms: AtomicU64::new(0),
                broker_ms: AtomicU64::new(0),
                limit_ms: AtomicU64::new(as_ms(limit)),
            }),
        }
    }

    /// Whether the worker runs and both its fetch loop and its broker have shown progress within half the watchdog's
    /// limit.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let limit = self.limit() / 2;
        self.inner.running.load(Ordering::Relaxed) && self.fetch_silence() <= limit && self.broker_silence() <= limit
    }

    pub(super) fn set_limit(&self, limit: Duration) {
        self.inner.limit_ms.store(as_ms(limit), Ordering::Relaxed);
    }

    /// The worker begins to start: silence counts from now.
    pub(super) fn starting(&self) {
        self.fetch_progress();
        self.broker_answered();
    }

    pub(super) fn started(&self) {
        self.inner.running.store(true, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self) {
        self.inner.running.store(false, Ordering::Relaxed);
    }

    pub(super) fn fetch_progress(&self) {
        self.inner.fetch_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    pub(super) fn broker_answered(&self) {
        self.inner.broker_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// What has not happened for longer than the limit, if anything.
    pub(super) fn stalled(&self) -> Option<(&'static str, Duration)> {
        let limit = self.limit();
        if self.broker_silence() > limit {
            Some(("the broker could not be reached", limit))
        } else if self.fetch_silence() > limit {
            Some(("the fetch loop made no progress although the broker answers", limit))
        } else {
            None
        }
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.inner.limit_ms.load(Ordering::Relaxed))
    }

    fn fetch_silence(&self) -> Duration {
        self.since(&self.inner.fetch_ms)
    }

    fn broker_silence(&self) -> Duration {
        self.since(&self.inner.broker_ms)
    }

    fn since(&self, mark: &AtomicU64) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(mark.load(Ordering::Relaxed)))
    }

    fn now_ms(&self) -> u64 {
        as_ms(self.inner.started.elapsed())
    }
}

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
