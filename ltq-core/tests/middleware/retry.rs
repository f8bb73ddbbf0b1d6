use std::error::Error as _;
use std::time::Duration;

use ltq_core::BoxFuture;
use ltq_core::message::DecodeError;
use ltq_core::middleware::{MaxAge, Next, Retry, Stack};
use ltq_core::task::{
    BackoffDef, Delivery, Failure, InvalidArguments, MessageExpired, Output, RejectMessage, RetryMessage, TaskDef,
};

use crate::support::{FAILS, Outcome, SUCCEEDS, attempt, deliver, fail, first_attempt, message, retry_of};

const SECOND: Duration = Duration::from_secs(1);

fn exact() -> Retry {
    Retry::exponential(SECOND, Duration::from_secs(5)).without_jitter()
}

fn stack(retry: Retry) -> Next {
    Stack::new().middleware(retry).build()
}

#[tokio::test]
async fn an_error_is_retried_while_attempts_are_left_and_then_passes() {
    let next = stack(exact().attempts(4));
    for (n, seconds) in [(1, 1), (2, 2), (3, 4)] {
        let retry = retry_of(next.clone().run(attempt(&FAILS, n)).await);
        assert_eq!(retry, RetryMessage::new(seconds * SECOND, "the sky fell"), "attempt {n}");
        assert!(retry.charged);
    }
    for n in [4, 5, u32::MAX] {
        let error = next.clone().run(attempt(&FAILS, n)).await.unwrap_err();
        assert_eq!(error.to_string(), "the sky fell", "attempt {n}");
        assert_eq!(Failure::of(&error), Failure::Error);
    }
}

#[tokio::test]
async fn five_attempts_are_the_default() {
    let next = stack(Retry::default());
    assert!(retry_of(next.clone().run(attempt(&FAILS, 1)).await).delay <= SECOND);
    retry_of(next.clone().run(attempt(&FAILS, 4)).await);
    let error = next.run(attempt(&FAILS, 5)).await.unwrap_err();
    assert!(!error.is::<RetryMessage>());
}

#[tokio::test]
async fn the_error_stays_reachable() {
    fn fail_to_parse(_: Delivery) -> BoxFuture<'static, Outcome> {
        Box::pin(async { Ok("x".parse::<u8>().map(Output::of)?) })
    }
    static PARSES: TaskDef = TaskDef::new("parses", "tests::parses", fail_to_parse);
    let retry = retry_of(stack(exact()).run(first_attempt(&PARSES)).await);
    assert!(retry.source().is_some_and(|error| error.is::<std::num::ParseIntError>()), "{retry:?}");
}

#[tokio::test]
async fn the_tasks_own_options_win() {
    static ONCE: TaskDef = TaskDef::new("once", "tests::once", fail).max_attempts(1);
    static OFTEN: TaskDef = TaskDef::new("often", "tests::often", fail)
        .max_attempts(100)
        .backoff(BackoffDef::new(Duration::from_secs(10), Duration::from_secs(30)));
    let next = stack(exact().attempts(3));
    assert!(!next.clone().run(attempt(&ONCE, 1)).await.unwrap_err().is::<RetryMessage>());
    for (n, seconds) in [(1, 10), (2, 20), (3, 30), (99, 30)] {
        assert_eq!(retry_of(next.clone().run(attempt(&OFTEN, n)).await).delay, seconds * SECOND, "attempt {n}");
    }
    assert!(!next.run(attempt(&OFTEN, 100)).await.unwrap_err().is::<RetryMessage>());
}

#[tokio::test]
async fn decisions_already_made_pass_unchanged() {
    fn put_back(_: Delivery) -> BoxFuture<'static, Outcome> {
        Box::pin(async { Err(RetryMessage::new(7 * SECOND, "not yet").uncharged().into()) })
    }
    fn reject(_: Delivery) -> BoxFuture<'static, Outcome> {
        Box::pin(async { Err(RejectMessage::new("no such user").into()) })
    }
    fn misfit(_: Delivery) -> BoxFuture<'static, Outcome> {
        let source = DecodeError::Arguments { reason: "missing `owner`".to_owned() };
        Box::pin(async { Err(InvalidArguments::new("misfits", source).into()) })
    }
    static PUTS_BACK: TaskDef = TaskDef::new("puts_back", "tests::puts_back", put_back).max_attempts(1);
    static REJECTS: TaskDef = TaskDef::new("rejects", "tests::rejects", reject);
    static MISFITS: TaskDef = TaskDef::new("misfits", "tests::misfits", misfit);
    let next = stack(exact());

    // Whatever attempts are left, and nothing about it changed.
    let retry = retry_of(next.clone().run(attempt(&PUTS_BACK, 9)).await);
    assert_eq!(retry, RetryMessage::new(7 * SECOND, "not yet").uncharged());

    let error = next.clone().run(first_attempt(&REJECTS)).await.unwrap_err();
    assert_eq!(Failure::of(&error), Failure::Reject(&RejectMessage::new("no such user")));
    let error = next.run(first_attempt(&MISFITS)).await.unwrap_err();
    assert!(matches!(Failure::of(&error), Failure::InvalidArguments(_)), "{error}");
}

#[tokio::test]
async fn expired_messages_end_even_when_retry_is_outside() {
    static FRESH: TaskDef =
        TaskDef::new("fresh", "tests::fresh", crate::support::succeed).max_age(Duration::from_secs(60));
    let next = Stack::new().middleware(exact()).middleware(MaxAge::new()).build();
    let aged = |def, age: Duration, own: Option<Duration>| {
        let now = 1_000_000_000;
        let age = u64::try_from(age.as_millis()).unwrap();
        deliver(def, message(def).created_at_ms(now - age).now_ms(now).max_age(own).build())
    };
    next.clone().run(aged(&FRESH, 60 * SECOND, None)).await.unwrap();
    let error = next.clone().run(aged(&FRESH, 61 * SECOND, None)).await.unwrap_err();
    assert_eq!(Failure::of(&error), Failure::Expired);
    let expired = error.downcast_ref::<MessageExpired>().unwrap();
    assert_eq!((expired.age, expired.max_age), (61 * SECOND, 60 * SECOND));

    // The message's own limit wins over the task's, in both directions, and works without one.
    next.clone().run(aged(&FRESH, 61 * SECOND, Some(90 * SECOND))).await.unwrap();
    assert!(next.clone().run(aged(&FRESH, 20 * SECOND, Some(10 * SECOND))).await.is_err());
    assert!(next.clone().run(aged(&SUCCEEDS, 20 * SECOND, Some(10 * SECOND))).await.is_err());
    next.run(aged(&SUCCEEDS, 1_000_000 * SECOND / 2, None)).await.unwrap();
}
