//! The integration tests, one binary: linking dominates.

// Helper functions of tests may fail on the spot, as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// Every broker keeps every promise.
mod brokers;
/// What the documents tell readers to type works.
mod docs;
/// The programs that readers run first.
mod examples;
/// What is special to the Redis broker: declared keys, repeats, addresses, trouble with the server.
mod redis_broker;
