//! Runnable examples of LTQ, one module per question. The programs that send are in `src/bin`.
//!
//! - [`quickstart`]: what does it look like? Runs without any server.
//! - [`github`]: how do a web of workers and a producer share a queue on Redis?
//! - [`testing`]: how does one test code that sends, and tasks? Its tests are the example: `cargo test -p examples testing`

pub mod github;
pub mod quickstart;
pub mod testing;
