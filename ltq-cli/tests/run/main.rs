//! `ltq run` on a workspace of fixtures: what it finds, builds, runs, and how it fails.
//!
//! The fixtures are built once per checkout, in a target folder of their own, so the first run takes a minute or two.

mod errors;
mod fixtures;
mod linking;
mod program;
mod starts;
