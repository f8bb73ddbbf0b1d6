//! Runs LTQ under faults and checks the history of every message.
//!
//! Real worker processes and real producer processes work on a real Redis, each behind a proxy of its own, while the
//! driver kills, freezes and cuts what its seed says. Everybody notes what happened: producers what they were told
//! (`producer.rs`), tasks that they ran (`tasks.rs`), Redis every change in its append-only file. Afterwards the
//! checker (`check`) holds these three against each other. It trusts nothing the queue says about itself.
//!
//! - `scenario.rs`, `faults.rs`, `plan.rs`: what will happen, drawn from the seed before anything starts.
//! - `driver`: makes it happen.
//! - `notes.rs`, `aof.rs`, `replay.rs`, `history.rs`: what has happened.
//! - `check`: what must not have happened; `mutations.rs` proves that it would be seen.
//! - `report.rs`: the figures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a step of the harness that fails must end the run on the spot"
)]

mod aof;
mod check;
mod command;
mod driver;
mod faults;
mod history;
mod mutations;
mod notes;
mod plan;
mod producer;
mod replay;
mod report;
mod scenario;
mod tasks;
mod trace;

pub use command::main;
pub use producer::main as producer;
pub use tasks::worker;
