//! For the tests of programs that use LTQ. Feature `testing`.
//!
//! [`queue`] gives a test a queue of its own: from there on `task.send(…)` in this test goes to it, whatever other tests
//! do at the same time. [`assert_enqueued!`] looks at what was sent, [`TestQueue::run_all`] runs it. The guide is
//! `docs/testing.md`.
//!
//! Panics are how tests fail, so what asserts in here panics, and says what it found.

mod enqueued;
mod expected;
mod in_place;
mod macros;
mod report;
mod test_queue;
mod value;

use tokio::runtime::Handle;

pub use self::enqueued::Enqueued;
pub use self::report::Report;
pub use self::test_queue::TestQueue;
pub use crate::task::ContextBuilder;
pub use crate::worker::{Outcome, Run};
pub use crate::{assert_enqueued, assert_not_enqueued};

use crate::client::testing as bound;
use crate::message::MessageId;
use crate::task::{Context, Task};

/// The queue of this test.
///
/// The first call makes it and binds it to the runtime it is called in, which is the test's own in a `#[tokio::test]`;
/// later calls, from wherever in the test, give the same one. Until the runtime ends, everything that runs on it sends
/// to this queue: spawned tasks, other worker threads, `spawn_blocking`.
///
/// Tests that share one runtime each take a [`TestQueue::new`] and [scope](TestQueue::scope) it.
///
/// # Panics
///
/// It is called outside of a runtime.
#[must_use]
#[track_caller]
pub fn queue() -> TestQueue {
    if let Some(client) = bound::bound() {
        return TestQueue::of(client);
    }
    let Ok(runtime) = Handle::try_current() else {
        panic!("`ltq::testing::queue()` was called outside of a tokio runtime: call it in a `#[tokio::test]`")
    };
    TestQueue::of(bound::bind(&runtime))
}

/// Starts a made-up context, to call a task directly: a fresh id, attempt 1, delivery 1, built just now.
///
/// ```
/// # use ltq_core::task::{Context, Delivery, Output, Task, TaskDef};
/// # #[derive(Clone, Copy)]
/// # struct charge;
/// # static DEF: TaskDef = TaskDef::new("charge", "charge", |_: Delivery| Box::pin(async { Ok(Output::default()) }));
/// # impl Task for charge { type Output = (); const DEF: &'static TaskDef = &DEF; }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ctx = ltq_core::testing::context(charge).attempt(3).carry("receipt", "A-17")?.cancelled().build();
/// assert_eq!((ctx.task(), ctx.attempt(), ctx.is_cancelled()), ("charge", 3, true));
/// assert_eq!(ctx.get::<String>("receipt")?.as_deref(), Some("A-17"));
/// # Ok(())
/// # }
/// ```
pub fn context<T: Task>(_task: T) -> ContextBuilder {
    let id = MessageId::new();
    let now_ms = id.timestamp_ms();
    Context::builder(id, T::DEF.name, T::DEF.queue.into()).created_at_ms(now_ms).now_ms(now_ms)
}

/// What the macros name. Not public API.
#[doc(hidden)]
pub mod private {
    pub use super::expected::{Expected, enqueued, not_enqueued, this};
}
