//! How does a task get at a database pool? `cargo run -p examples --bin shared_state`
//!
//! The worker is given one value per type, and each task that asks for `State<T>` gets the same one. A task whose type
//! is missing stops the worker at its start, not a message at night.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ltq::{State, Worker};

/// Counts visits per page. It stands for what a program shares: a pool, an HTTP client, its settings.
#[derive(Debug, Default)]
pub struct Visits {
    pages: Mutex<BTreeMap<String, u32>>,
}

impl Visits {
    fn count(&self, page: String) -> u32 {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let visits = pages.entry(page).or_default();
        *visits += 1;
        *visits
    }

    /// The pages and how often each was visited.
    pub fn all(&self) -> BTreeMap<String, u32> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Counts one visit. `visits` is not sent with the message: the worker injects it.
#[ltq::task(queue = "shared_state")]
pub async fn visit(visits: State<Visits>, page: String) -> u32 {
    visits.count(page)
}

/// The worker. `shared_state` takes a value that the program keeps a hold of, `state` one that it gives away.
pub fn worker(visits: State<Visits>) -> Worker {
    Worker::new("shared_state").shared_state(visits)
}
