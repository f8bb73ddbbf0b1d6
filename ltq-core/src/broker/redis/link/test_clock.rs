//! [`TestClock`]: a time that tests set, in place of the server's. Feature `testing`.
//!
//! It stands in the arguments of each call and not on the server, so that it costs no call and touches no key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::value::{Value, count};

/// Stands still until it is advanced. Clones are the same clock.
#[derive(Debug, Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(now_ms)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// What it shows, for a script.
    pub(crate) fn argument(&self) -> Value {
        count(self.0.load(Ordering::SeqCst))
    }
}
