use std::time::Duration;

use futures_util::poll;
use ltq_core::BoxFuture;
use ltq_core::middleware::{Retry, Stack};
use ltq_core::task::{Delivery, Output, TaskDef};
use tokio::sync::Notify;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::load_shed::error::Overloaded;
use tower::timeout::TimeoutLayer;
use tower::timeout::error::Elapsed;

use crate::support::{FAILS, HANGS, Log, Outcome, SUCCEEDS, first_attempt, logged, retry_of};

/// Runs until the log's owner lets it end.
fn wait_for_gate(delivery: Delivery) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        let log = delivery.states().get::<Log>().unwrap();
        log.note("started");
        GATE.notified().await;
        Ok(Output::default())
    })
}

static GATE: Notify = Notify::const_new();
static WAITS: TaskDef = TaskDef::new("waits", "tests::waits", wait_for_gate);

#[tokio::test]
async fn concurrency_limit_lets_one_in_at_a_time() {
    let log = Log::default();
    let next = Stack::new().layer(ConcurrencyLimitLayer::new(1)).build();
    let mut first = Box::pin(next.clone().run(logged(&WAITS, &log)));
    let mut second = Box::pin(next.run(logged(&SUCCEEDS, &log)));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    assert_eq!(log.lines(), ["started"]);
    GATE.notify_one();
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(log.lines(), ["started", "task"]);
}

#[tokio::test(start_paused = true)]
async fn timeout_layer_ends_an_attempt() {
    let next = Stack::new().layer(TimeoutLayer::new(Duration::from_secs(1))).build();
    let error = next.clone().run(first_attempt(&HANGS)).await.unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    next.clone().run(first_attempt(&SUCCEEDS)).await.unwrap();
    assert_eq!(next.run(first_attempt(&FAILS)).await.unwrap_err().to_string(), "the sky fell");
}

#[tokio::test]
async fn load_shed_puts_back_what_the_limit_has_no_room_for() {
    let next =
        Stack::new().middleware(Retry::default()).layer((LoadShedLayer::new(), ConcurrencyLimitLayer::new(1))).build();
    let mut first = Box::pin(next.clone().run(first_attempt(&HANGS)));
    assert!(poll!(&mut first).is_pending());
    let retry = retry_of(next.clone().run(first_attempt(&SUCCEEDS)).await);
    assert!(std::error::Error::source(&retry).is_some_and(|error| error.is::<Overloaded>()), "{retry}");
    drop(first);
    next.run(first_attempt(&SUCCEEDS)).await.unwrap();
}

#[tokio::test]
async fn load_shed_alone_changes_nothing() {
    let next = Stack::new().layer(LoadShedLayer::new()).build();
    next.run(first_attempt(&SUCCEEDS)).await.unwrap();
}

#[tokio::test]
async fn layers_can_be_taken_away_by_type() {
    let next = Stack::new().layer(ConcurrencyLimitLayer::new(0)).without::<ConcurrencyLimitLayer>().build();
    next.run(first_attempt(&SUCCEEDS)).await.unwrap();
}
