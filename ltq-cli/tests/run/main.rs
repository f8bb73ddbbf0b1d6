//! The `ltq` command: on queues of a Redis of its own, and on a workspace of fixtures: what it finds, builds, runs, and how
//! it fails.
//!
//! The fixtures are built once per checkout, in a target folder of their own, so the first run takes a minute or two.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dev;
mod errors;
mod fixtures;
mod help;
mod linking;
mod new;
mod program;
mod projects;
mod queues;
mod starts;
