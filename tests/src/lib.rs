//! What the integration tests of LTQ share: the suite every broker must pass, and the harness around real programs.
//!
//! - [`bare`]: a plain Redis client beside LTQ's.
//! - [`certificates`]: an authority of a test's own, and what it signs.
//! - [`mod@conformance`]: the promises of a broker, one function each.
//! - [`fault_proxy`]: what networks do to connections, on request.
//! - [`golden`]: the partner of version 1 that never changes.
//! - [`ledger`]: which message ran how often.
//! - [`program`]: child processes, their output and their signals.
//! - [`redis_cluster`], [`redis_sentinel`], [`redis_server`]: Redis servers of a test's own, alone or several.
//! - [`tasks`]: the tasks of the worker program that tests start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a step of the harness that fails must end the test on the spot"
)]

pub mod bare;
pub mod certificates;
pub mod conformance;
pub mod fault_proxy;
pub mod golden;
pub mod ledger;
pub mod program;
pub mod redis_cluster;
pub mod redis_sentinel;
pub mod redis_server;
pub mod tasks;
