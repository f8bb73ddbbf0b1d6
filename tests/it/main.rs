//! The integration tests, one binary: linking dominates.

/// Every broker keeps every promise.
mod brokers;
/// The programs that readers run first.
mod examples;
/// What is special to the Redis broker: declared keys, repeats, addresses, trouble with the server.
mod redis_broker;
