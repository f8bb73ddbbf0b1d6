use std::time::Duration;

use ltq_core::middleware::{InvalidRate, MaxAge, RateLimit, Retry, Stack, Timeout};
use ltq_core::task::{Rate, TaskDef};

use crate::support::{SUCCEEDS, first_attempt, succeed};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn settings_that_make_no_sense_are_refused_with_their_value() {
    let wrong: [(Stack, &str); 9] = [
        (Stack::new().middleware(Retry::exponential(2 * SECOND, SECOND)), "from 2s to 1s"),
        (Stack::new().middleware(Retry::exponential(Duration::ZERO, SECOND)), "from 0ns to 1s"),
        (Stack::new().middleware(Retry::default().factor(0.5)), "factor of 0.5"),
        (Stack::new().middleware(Retry::default().factor(f32::NAN)), "factor of NaN"),
        (Stack::new().middleware(Retry::default().attempts(0)), "0 attempts"),
        (Stack::new().middleware(Timeout::after(Duration::ZERO)), "no time at all"),
        (Stack::new().middleware(RateLimit::shared(Rate::new(0, SECOND))), "0 per 1s"),
        (Stack::new().middleware(RateLimit::shared(Rate::new(1, Duration::ZERO))), "1 per 0ns"),
        (Stack::new().middleware(RateLimit::shared(Rate::new(10, Duration::from_nanos(5)))), "10 per 5ns"),
    ];
    for (stack, text) in wrong {
        let error = Stack::new().middleware(MaxAge::new()).then(stack).check().unwrap_err();
        assert!(error.source.to_string().contains(text), "{} misses {text}", error.source);
        assert!(error.middleware.contains("middleware"), "{error}");
    }
}

#[test]
fn the_defaults_make_sense() {
    let stack = Stack::new()
        .middleware(MaxAge::default())
        .middleware(RateLimit::default())
        .middleware(Retry::default())
        .middleware(Timeout::default());
    stack.check().unwrap();
    Stack::new().middleware(RateLimit::shared(Rate::new(10, SECOND))).check().unwrap();
}

#[tokio::test]
async fn a_rate_of_nothing_in_a_hand_made_task_is_an_error_not_a_guess() {
    static NEVER: TaskDef = TaskDef::new("never", "tests::never", succeed).rate(Rate::new(0, Duration::from_secs(1)));
    let next = Stack::new().middleware(RateLimit::per_task()).build();
    assert!(next.clone().run(first_attempt(&NEVER)).await.unwrap_err().is::<InvalidRate>());
    next.run(first_attempt(&SUCCEEDS)).await.unwrap();
}
