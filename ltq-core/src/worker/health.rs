//! [`Health`]: whether a worker makes progress, as probes and the watchdog see it.
//!
//! Readiness has a bound of its own: a probe has to know within seconds, while the watchdog, which ends the worker, sits
//! out minutes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::broker::BrokerError;

/// The shortest bound of readiness: the fetch loop of an idle worker shows itself once a second.
const SHORTEST_BOUND: Duration = Duration::from_secs(3);

/// Whether a worker makes progress. Cheap to clone; clones watch the same worker.
#[derive(Debug, Clone)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    started: Instant,
    running: AtomicBool,
    stopping: AtomicBool,
    /// When the fetch loop last made a turn, or had none to make; in milliseconds since `started`.
    fetch_ms: AtomicU64,
    /// When the broker last answered the heartbeat; in milliseconds since `started`.
    broker_ms: AtomicU64,
    /// When the heartbeat last renewed every lease; in milliseconds since `started`.
    beat_ms: AtomicU64,
    limit_ms: AtomicU64,
    bound_ms: AtomicU64,
    /// The queue that was closed first, and why.
    closed: OnceLock<(String, String)>,
}

/// Why a worker is not ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// It has not started, or has ended.
    #[error("it does not run")]
    NotRunning,
    /// It was asked to stop.
    #[error("it was asked to stop")]
    Stopping,
    /// Its heartbeat could not renew every lease for so long: the broker does not answer.
    #[error("its leases were not renewed for {0:?}: the broker does not answer, or refuses")]
    Heartbeat(Duration),
    /// Its fetch loop made no progress for so long: the broker does not answer it, or tasks block its runtime.
    #[error("its fetch loop made no progress for {0:?}: the broker does not answer, or tasks block its runtime")]
    Fetch(Duration),
    /// A queue is closed for this worker, because the broker refuses what serving it needs; the worker serves its other
    /// queues. Of several this is the one that was closed first.
    #[error("the queue `{queue}` is closed for it: {reason}")]
    QueueClosed {
        /// Which queue.
        queue: String,
        /// What the broker refused, and what to do.
        reason: String,
    },
}

impl Health {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                started: Instant::now(),
                running: AtomicBool::new(false),
                stopping: AtomicBool::new(false),
                fetch_ms: AtomicU64::new(0),
                broker_ms: AtomicU64::new(0),
                beat_ms: AtomicU64::new(0),
                limit_ms: AtomicU64::new(as_ms(limit)),
                bound_ms: AtomicU64::new(as_ms(SHORTEST_BOUND)),
                closed: OnceLock::new(),
            }),
        }
    }

    /// Whether the worker takes messages now: it runs, was not asked to stop, and within the time of
    /// [`Worker::ready_within`](super::Worker::ready_within) both its fetch loop has made progress and its heartbeat has
    /// renewed every lease; and no queue is closed for it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.not_ready().is_none()
    }

    /// What keeps the worker from being ready, if anything.
    #[must_use]
    pub fn not_ready(&self) -> Option<NotReady> {
        let bound = Duration::from_millis(self.inner.bound_ms.load(Ordering::Relaxed));
        let (fetch, beat) = (self.since(&self.inner.fetch_ms), self.since(&self.inner.beat_ms));
        if !self.inner.running.load(Ordering::Relaxed) {
            Some(NotReady::NotRunning)
        } else if self.inner.stopping.load(Ordering::Relaxed) {
            Some(NotReady::Stopping)
        } else if beat > bound {
            Some(NotReady::Heartbeat(beat))
        } else if fetch > bound {
            Some(NotReady::Fetch(fetch))
        } else {
            let (queue, reason) = self.inner.closed.get()?.clone();
            Some(NotReady::QueueClosed { queue, reason })
        }
    }

    /// Whether the watchdog has nothing to object to: no silence was longer than [`Worker::watchdog`](super::Worker::watchdog)
    /// allows. It stays true while the worker stops.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.stalled().is_none()
    }

    pub(super) fn set_limits(&self, watchdog: Duration, ready_within: Duration) {
        self.inner.limit_ms.store(as_ms(watchdog), Ordering::Relaxed);
        self.inner.bound_ms.store(as_ms(ready_within.max(SHORTEST_BOUND)), Ordering::Relaxed);
    }

    /// The worker begins to start: silence counts from now.
    pub(super) fn starting(&self) {
        self.fetch_progress();
        self.broker_answered();
        self.leases_renewed();
    }

    pub(super) fn stopping(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
    }

    pub(super) fn leases_renewed(&self) {
        self.inner.beat_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    pub(super) fn started(&self) {
        self.inner.running.store(true, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self) {
        self.inner.running.store(false, Ordering::Relaxed);
    }

    /// The broker refuses what serving this queue needs.
    pub(super) fn queue_closed(&self, queue: &str, error: &BrokerError) {
        // The first one stays.
        let _ = self.inner.closed.set((queue.to_owned(), error.to_string()));
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
