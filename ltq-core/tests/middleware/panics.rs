use ltq_core::BoxFuture;
use ltq_core::middleware::{Next, Retry, Stack};
use ltq_core::task::{Delivery, TaskDef, TaskPanicked};

use crate::support::{Outcome, attempt, first_attempt, retry_of};

/// Panics when it is polled.
fn panic_later(_: Delivery) -> BoxFuture<'static, Outcome> {
    Box::pin(async {
        tokio::task::yield_now().await;
        let number = 7;
        panic!("index {number} out of reach")
    })
}

/// Panics before there is a future.
fn panic_at_once(_: Delivery) -> BoxFuture<'static, Outcome> {
    panic!("no future")
}

static LATER: TaskDef = TaskDef::new("later", "tests::later", panic_later);
static AT_ONCE: TaskDef = TaskDef::new("at_once", "tests::at_once", panic_at_once);

#[tokio::test]
async fn a_panic_is_an_error_with_its_text() {
    for (def, text) in [(&LATER, "index 7 out of reach"), (&AT_ONCE, "no future")] {
        let error = Next::task().run(first_attempt(def)).await.unwrap_err();
        assert_eq!(error.downcast_ref::<TaskPanicked>().unwrap().message, text);
    }
}

#[tokio::test]
async fn a_panic_is_retried_like_any_error() {
    let next = Stack::new().middleware(Retry::default().attempts(2)).build();
    for def in [&LATER, &AT_ONCE] {
        let retry = retry_of(next.clone().run(attempt(def, 1)).await);
        assert!(retry.charged);
        assert!(retry.reason.starts_with("the task panicked: "), "{retry}");
        let error = next.clone().run(attempt(def, 2)).await.unwrap_err();
        assert!(error.is::<TaskPanicked>(), "{error}");
    }
}
