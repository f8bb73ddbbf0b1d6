//! The integration tests, one binary: linking dominates.

// Helper functions of tests may fail on the spot, as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// Every broker keeps every promise.
mod brokers;
/// Worker processes are killed.
mod crash;
/// The programs that readers run first.
mod examples;
/// What a worker tells about its work.
mod logs;
/// The server stops, forgets scripts, drops connections while a worker works.
mod outage;
/// What is special to the Redis broker: declared keys, repeats, addresses, trouble with the server.
mod redis_broker;
/// Worker processes are asked to stop.
mod shutdown;
/// A worker process is frozen beyond its lease and wakes.
mod stall;
/// What the tests of running workers share.
mod support;
/// A worker that cannot do its work says so and ends.
mod testing_kit;
mod watchdog;
