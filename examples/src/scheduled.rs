//! How does something run later? `cargo run -p examples --bin scheduled`
//!
//! A message says when it is due, not its task: after a `delay`, or `at` a point of time. Until then it waits in the broker,
//! where it holds no worker slot and survives a restart; what is due first is ready first, whatever was sent first.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use std::time::{Duration, SystemTime};

use ltq::{Message, Worker};

/// Reminds of something. It knows nothing of schedules.
#[ltq::task(queue = "scheduled")]
pub async fn remind(of: String) {
    println!("{of}");
}

/// One message that is ready at once, and three that are due later, the last one first.
pub fn reminders() -> [Message; 4] {
    let noon = SystemTime::now() + Duration::from_secs(1);
    [
        remind.message("now: plan the day"),
        // Counted from when the broker has it, by the broker's clock.
        remind.message("third: go for a walk").delay(Duration::from_millis(1_400)),
        // A point of time; one in the past means at once.
        remind.message("second: wash the dishes").at(noon + Duration::from_millis(200)),
        remind.message("first: have lunch").at(noon),
    ]
}

/// The worker. One slot, so that the output has an order.
#[ltq::worker]
pub fn worker() -> Worker {
    Worker::new("scheduled").concurrency(1)
}
