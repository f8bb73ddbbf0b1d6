//! The integration tests, one binary: linking dominates.

/// Every broker keeps every promise.
mod brokers;
/// Worker processes are killed.
mod crash;
/// What is special to the Redis broker: declared keys, repeats, addresses, trouble with the server.
mod redis_broker;
/// What the tests of running workers share.
mod support;
