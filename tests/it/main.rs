//! The integration tests: one program, one module per subject.

/// What is special to the Redis broker: declared keys, repeats, addresses, trouble with the server.
mod redis_broker;
