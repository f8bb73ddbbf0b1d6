//! What a task returned, on its way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ltq_core::middleware::{MaxAge, Middleware, Next, RateLimit, Retry, Stack, Timeout};
use ltq_core::task::{Delivery, Output, RejectMessage, TaskDef};
use ltq_core::{BoxError, BoxFuture};
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;

use crate::support::{FAILS, Outcome, first_attempt};

fn seven(_: Delivery) -> BoxFuture<'static, Outcome> {
    Box::pin(async { Ok(Output::of(7_u64)) })
}

static SEVEN: TaskDef = TaskDef::new("seven", "tests::seven", seven);

/// Doubles numbers and refuses everything else.
struct Double;

impl Middleware for Double {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        match next.run(delivery).await?.downcast::<u64>() {
            Ok(number) => Ok(Output::of(number * 2)),
            Err(other) => Err(RejectMessage::new(format!("{other:?} is no number")).into()),
        }
    }
}

#[tokio::test]
async fn every_level_hands_on_what_the_task_returned() {
    let next = Stack::new()
        .middleware(MaxAge::new())
        .middleware(RateLimit::per_task())
        .middleware(Retry::default())
        .layer(ConcurrencyLimitLayer::new(1))
        .middleware(Timeout::after(std::time::Duration::from_secs(60)))
        .build();
    let output = next.run(first_attempt(&SEVEN)).await.unwrap();
    assert_eq!(output.downcast_ref(), Some(&7_u64));
}

#[tokio::test]
async fn a_middleware_puts_another_in_its_place() {
    let next = Stack::new().middleware(Double).middleware(Double).build();
    assert_eq!(next.run(first_attempt(&SEVEN)).await.unwrap().downcast_ref(), Some(&28_u64));
}

/// Adds up how many bytes tasks returned.
struct Weigh(Arc<AtomicUsize>);

impl Middleware for Weigh {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        let output = next.run(delivery).await?;
        self.0.fetch_add(output.encode(1_024)?.len(), Ordering::Relaxed);
        Ok(output)
    }
}

#[tokio::test]
async fn a_middleware_reads_its_bytes_without_knowing_the_type() {
    let bytes = Arc::new(AtomicUsize::new(0));
    let next = Stack::new().middleware(Double).middleware(Weigh(Arc::clone(&bytes))).build();
    assert_eq!(next.clone().run(first_attempt(&SEVEN)).await.unwrap().downcast_ref(), Some(&14_u64));
    assert_eq!(bytes.load(Ordering::Relaxed), 1);
    assert_eq!(next.run(first_attempt(&FAILS)).await.unwrap_err().to_string(), "the sky fell");
}

#[tokio::test]
async fn a_layer_of_tower_sees_it_too() {
    let layer = ServiceBuilder::new().map_response(|output: Output| match output.downcast::<u64>() {
        Ok(number) => Output::of(number.to_string()),
        Err(other) => other,
    });
    let output = Stack::new().layer(layer).build().run(first_attempt(&SEVEN)).await.unwrap();
    assert_eq!(output.downcast_ref::<String>().map(String::as_str), Some("7"));
}
