//! Test harness of ltq: servers and programs that tests start and stop.

pub mod redis_server;
