use std::time::Duration;

use ltq_core::middleware::{Elapsed, Retry, Stack, Timeout};
use ltq_core::task::TaskDef;
use tokio::time::Instant;

use crate::support::{HANGS, Log, SUCCEEDS, hang, logged, retry_of};

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_cancelled_and_dropped() {
    let log = Log::default();
    let limit = Duration::from_secs(30);
    let delivery = logged(&HANGS, &log);
    let context = delivery.context().clone();
    let started = Instant::now();
    let error = Stack::new().middleware(Timeout::after(limit)).build().run(delivery).await.unwrap_err();
    assert!(started.elapsed() >= limit);
    assert!(context.is_cancelled());
    assert_eq!(log.lines(), ["dropped, cancelled: true"]);
    assert_eq!(error.downcast_ref::<Elapsed>().unwrap().limit, limit);
    assert!(error.to_string().contains("30s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_tasks_own_limit_wins() {
    static IMPATIENT: TaskDef = TaskDef::new("impatient", "tests::impatient", hang).timeout(Duration::from_millis(10));
    for timeout in [Timeout::default(), Timeout::after(Duration::from_secs(30))] {
        let error =
            Stack::new().middleware(timeout).build().run(logged(&IMPATIENT, &Log::default())).await.unwrap_err();
        assert_eq!(error.downcast_ref::<Elapsed>().unwrap().limit, Duration::from_millis(10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_in_time_is_left_alone() {
    let delivery = logged(&SUCCEEDS, &Log::default());
    let context = delivery.context().clone();
    Stack::new().middleware(Timeout::after(Duration::from_secs(1))).build().run(delivery).await.unwrap();
    assert!(!context.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_there_is_none() {
    let next = Stack::new().middleware(Timeout::default()).build();
    let running = next.run(logged(&HANGS, &Log::default()));
    let year = Duration::from_secs(365 * 24 * 3600);
    assert!(tokio::time::timeout(year, running).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_an_error_that_is_retried() {
    let next = Stack::new().middleware(Retry::default()).middleware(Timeout::after(Duration::from_secs(1))).build();
    let retry = retry_of(next.run(logged(&HANGS, &Log::default())).await);
    assert!(retry.charged);
    assert!(retry.reason.contains("longer than 1s"), "{retry}");
}
