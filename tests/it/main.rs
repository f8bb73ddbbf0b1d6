//! The integration tests, one binary: linking dominates.

/// Every broker keeps every promise.
mod brokers;
