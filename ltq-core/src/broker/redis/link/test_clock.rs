//! [`TestClock`]: what tests decide in place of the server: the time, and which call of a script it refuses. Feature `testing`.
//!
//! Both stand in the arguments of each call and not on the server, so that they cost no call and touch no key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::value::{Value, count};

/// Stands still until it is advanced. Clones are the same clock.
#[derive(Debug, Clone)]
pub(crate) struct TestClock(Arc<Mutex<Shown>>);

#[derive(Debug)]
struct Shown {
    now_ms: u64,
    /// The script, and the number of its call from 1.
    refused: Option<(&'static str, u64)>,
}

impl TestClock {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self(Arc::new(Mutex::new(Shown { now_ms, refused: None })))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.with(|shown| shown.now_ms = shown.now_ms.saturating_add(ms));
    }

    /// From now on the server refuses that call of the script, or none.
    pub(crate) fn refuse(&self, refused: Option<(&'static str, u64)>) {
        self.with(|shown| shown.refused = refused);
    }

    /// The last arguments of a call of `script`.
    pub(crate) fn arguments(&self, script: &str) -> [Value; 2] {
        self.with(|shown| {
            let refused = shown.refused.filter(|(name, _)| *name == script).map_or(0, |(_, call)| call);
            [count(shown.now_ms), count(refused)]
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Shown) -> T) -> T {
        // Two numbers are whole whatever happened to their last user.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
