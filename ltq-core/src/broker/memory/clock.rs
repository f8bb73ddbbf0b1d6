//! [`Clock`]: the time of one memory broker, in milliseconds since the Unix epoch.
//!
//! A real clock starts from the machine's wall clock and then only follows its monotonic one, so that setting the
//! machine's time back or forth ends no lease and makes no message due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// What the time is.
#[derive(Debug)]
pub(super) enum Clock {
    /// The machine's.
    Real { epoch_ms: u64, started: Instant },
    /// Stands still until it is advanced.
    Hand(AtomicU64),
}

impl Clock {
    /// The machine's time.
    pub(super) fn real() -> Self {
        Self::Real { epoch_ms: unix_ms(SystemTime::now()), started: Instant::now() }
    }

    /// A clock that shows `now_ms` until it is advanced.
    pub(super) fn hand(now_ms: u64) -> Self {
        Self::Hand(AtomicU64::new(now_ms))
    }

    /// What it shows.
    pub(super) fn now_ms(&self) -> u64 {
        match self {
            Self::Real { epoch_ms, started } => epoch_ms.saturating_add(whole_ms(started.elapsed())),
            Self::Hand(now_ms) => now_ms.load(Ordering::SeqCst),
        }
    }

    /// Puts a hand-driven clock forward, so far that what was delayed by as much is due; a real one is left alone.
    pub(super) fn advance(&self, by: Duration) {
        if let Self::Hand(now_ms) = self {
            now_ms.fetch_add(ceil_ms(by), Ordering::SeqCst);
        }
    }
}

/// A duration in whole milliseconds; what does not fit is the greatest number.
pub(super) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A delay, lease or age in whole milliseconds, rounded up so that nothing is early; at most some 278 years, as on Redis.
pub(super) fn ceil_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX).min(1 << 43)
}

/// A point of time in milliseconds since the Unix epoch, rounded up; one before it is 0.
pub(super) fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, ceil_ms)
}
