//! Runnable examples of LTQ, one module per question. The programs that send are in `src/bin`.
//!
//! - [`quickstart`]: what does it look like? Runs without any server.
//! - [`github`]: how do a web of workers and a producer share a queue on Redis?
//! - [`shared_state`]: how does a task get at a database pool?
//! - [`retries`]: what happens after an error?
//! - [`rate_limit`]: how is a slow service not overrun?
//! - [`blocking`]: where does work go that computes instead of waiting?
//! - [`middleware`]: how is something done around every task, and around every send?
//! - [`scheduled`]: how does something run later?
//! - [`axum_service`]: how does a web service send tasks?
//! - [`app`]: how do several workers run in one process?
//! - [`testing`]: how does one test code that sends, and tasks? Its tests are the example: `cargo test -p examples testing`
//!
//! All others but `github` run to their end without any server: `cargo run -p examples --bin retries`.

pub mod app;
pub mod axum_service;
pub mod blocking;
pub mod github;
pub mod middleware;
pub mod quickstart;
pub mod rate_limit;
pub mod retries;
pub mod scheduled;
pub mod shared_state;
pub mod testing;

use std::time::Duration;

use ltq::{Client, TaskResult};

/// Waits until nothing of a queue is waiting or running any more.
///
/// # Errors
///
/// The broker did not answer.
pub async fn until_empty(client: &Client, queue: &str) -> TaskResult {
    loop {
        let stats = client.queue(queue)?.stats().await?;
        if stats.ready + stats.scheduled + stats.active == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
