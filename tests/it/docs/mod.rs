//! The code in the documents that documentation tests cannot run: whole projects, and what needs every feature.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod getting_started;
mod usage;
