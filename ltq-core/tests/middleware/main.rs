//! What middleware does to deliveries, through the public API, on stopped time where time matters.
#![cfg(feature = "worker")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests may panic as the tests do")]

mod order;
mod output;
mod panics;
mod rate_limit;
mod retry;
#[cfg(feature = "sentry")]
mod sentry;
mod settings;
mod support;
mod timeout;
mod tower_layers;
