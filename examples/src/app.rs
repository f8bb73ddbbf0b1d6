//! How do several workers run in one process? `cargo run -p examples --bin app`
//!
//! An `App` holds them together: what it is given is for all of them, one stop ends all, and the first that fails ends
//! the others. The worker that computes has a runtime thread of its own and cannot hold up the other.

use std::sync::atomic::{AtomicU32, Ordering};

use ltq::{App, State, Worker};

/// What both workers have done.
#[derive(Debug, Default)]
pub struct Totals {
    mails: AtomicU32,
    pages: AtomicU32,
}

impl Totals {
    /// Mails sent and pages rendered.
    pub fn all(&self) -> (u32, u32) {
        (self.mails.load(Ordering::Relaxed), self.pages.load(Ordering::Relaxed))
    }
}

/// Waits, as most tasks do.
#[ltq::task(queue = "app-mail")]
pub async fn send_mail(totals: State<Totals>, _to: String) {
    tokio::task::yield_now().await;
    totals.mails.fetch_add(1, Ordering::Relaxed);
}

/// Computes.
#[ltq::task(queue = "app-reports")]
pub async fn render_report(totals: State<Totals>, pages: u32) {
    totals.pages.fetch_add(pages, Ordering::Relaxed);
}

/// Both workers, for `ltq::run(app(…))` in a `main`. A function that returns one can also be marked `#[ltq::worker]`.
pub fn app(totals: State<Totals>) -> App {
    App::new()
        .worker(Worker::new("app-mail").concurrency(200))
        .worker(Worker::new("app-reports").concurrency(4).own_runtime(1))
        .shared_state(totals)
}
