//! [`Retry`]: turns an error into another attempt, later.
//!
//! It only says when. The waiting happens in the broker, where it holds no worker slot and survives a crash.

use std::time::Duration;

use super::{Middleware, Next};
use crate::BoxError;
use crate::task::{BackoffDef, Delivery, Failure, Output, RetryMessage};

/// Turns errors into retries while attempts are left; after that the error passes and the message is a dead letter.
///
/// - How often: the task's `max_attempts`, else [`attempts`](Self::attempts), 5 by default. The first try counts.
/// - When: after attempt `n` the bound is `min · factor^(n - 1)`, at most `max`, and the delay is drawn evenly from zero
///   to that bound, so that messages that failed together do not come back together. The task's `backoff` replaces
///   `min` and `max`. The formula is the capped exponential backoff with "full jitter" of Marc Brooker,
///   [Exponential Backoff And Jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/) (AWS
///   Architecture Blog, 2015).
///
/// `RetryMessage`, `RejectMessage`, a message that does not fit its task and an expired one are decisions already made:
/// they pass unchanged. A panic is an error like any other.
///
/// The default is 1 s to 10 min with a factor of 2.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct Retry {
    backoff: BackoffDef,
    factor: f32,
    attempts: u32,
    jitter: Jitter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jitter {
    Full,
    None,
}

impl Default for Retry {
    fn default() -> Self {
        Self::exponential(Duration::from_secs(1), Duration::from_secs(600))
    }
}

impl Retry {
    /// Bounds that grow from `min` to `max`. A worker refuses to start unless `min` is more than zero and at most
    /// `max`.
    pub fn exponential(min: Duration, max: Duration) -> Self {
        Self { backoff: BackoffDef::new(min, max), factor: 2.0, attempts: 5, jitter: Jitter::Full }
    }

    /// By how much the bound grows with each attempt, at least 1. Default 2.
    pub fn factor(mut self, factor: f32) -> Self {
        self.factor = factor;
        self
    }

    /// How often a task is tried in all, the first try included, at least 1. Default 5.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Waits exactly the bound. For tests, and for work that nothing else competes with.
    pub fn without_jitter(mut self) -> Self {
        self.jitter = Jitter::None;
        self
    }

    fn delay(&self, backoff: BackoffDef, attempt: u32) -> Duration {
        let bound = self.bound(backoff, attempt);
        match self.jitter {
            Jitter::None => bound,
            Jitter::Full => {
                let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
                Duration::from_nanos(fastrand::u64(0..=nanos))
            }
        }
    }

    /// The exponential backoff with a ceiling that [`Retry`] describes.
    fn bound(&self, backoff: BackoffDef, attempt: u32) -> Duration {
        let retries_before = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        // Finite, because nothing times infinity would be no number.
        let growth = f64::from(self.factor).powi(retries_before).min(f64::MAX);
        // What is too long for a `Duration` is longer than any maximum.
        Duration::try_from_secs_f64(backoff.min.as_secs_f64() * growth)
            .map_or(backoff.max, |bound| bound.min(backoff.max))
    }
}

impl Middleware for Retry {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        let attempt = delivery.context().attempt();
        let options = &delivery.task().options;
        let error = match next.run(delivery).await {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        let attempts = options.max_attempts.unwrap_or(self.attempts);
        if !matches!(Failure::of(&error), Failure::Error) || attempt >= attempts {
            return Err(error);
        }
        let delay = self.delay(options.backoff.unwrap_or(self.backoff), attempt);
        Err(RetryMessage::because_of(delay, error).into())
    }

    fn reads_output(&self) -> bool {
        false
    }

    fn check(&self) -> Result<(), BoxError> {
        let BackoffDef { min, max } = self.backoff;
        if min.is_zero() || min > max {
            return Err(InvalidRetry::Bounds { min, max }.into());
        }
        if !self.factor.is_finite() || self.factor < 1.0 {
            return Err(InvalidRetry::Factor(self.factor).into());
        }
        if self.attempts == 0 {
            return Err(InvalidRetry::NoAttempts.into());
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum InvalidRetry {
    #[error("`Retry` cannot wait from {min:?} to {max:?}: the first must be more than zero and at most the second")]
    Bounds { min: Duration, max: Duration },
    #[error("`Retry` cannot grow its waiting times by a factor of {0}: it must be 1 or more")]
    Factor(f32),
    #[error("`Retry` was given 0 attempts: the first try counts, so it takes at least 1")]
    NoAttempts,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn bounds(retry: &Retry, attempts: impl IntoIterator<Item = u32>) -> Vec<Duration> {
        attempts.into_iter().map(|attempt| retry.bound(retry.backoff, attempt)).collect()
    }

    #[test]
    fn bounds_grow_to_the_maximum_and_stay_there() {
        let retry = Retry::exponential(SECOND, 10 * SECOND).factor(3.0);
        assert_eq!(bounds(&retry, 1..=5), [SECOND, 3 * SECOND, 9 * SECOND, 10 * SECOND, 10 * SECOND]);
        assert_eq!(bounds(&retry, [1_000, u32::MAX]), [10 * SECOND; 2]);
    }

    #[test]
    fn bounds_are_those_of_the_formula_for_any_numbers() {
        let millis = |millis: &[u64]| millis.iter().copied().map(Duration::from_millis).collect::<Vec<_>>();
        let retry = Retry::exponential(Duration::from_millis(100), 600 * SECOND);
        assert_eq!(bounds(&retry, 1..=6), millis(&[100, 200, 400, 800, 1_600, 3_200]));
        assert_eq!(
            bounds(&retry.factor(1.5), 1..=4),
            millis(&[100, 150, 225, 337])[..3]
                .iter()
                .copied()
                .chain([Duration::from_micros(337_500)])
                .collect::<Vec<_>>()
        );
        assert_eq!(bounds(&retry.factor(1.0), [1, 2, u32::MAX]), millis(&[100; 3]));
        assert_eq!(
            bounds(&Retry::exponential(SECOND, Duration::MAX).factor(f32::MAX), [1, 2, 99]),
            [SECOND, Duration::MAX, Duration::MAX]
        );
        // What a task asks for is not checked like the settings of `Retry`.
        assert_eq!(bounds(&Retry::exponential(Duration::ZERO, SECOND), [1, 2, u32::MAX]), [Duration::ZERO; 3]);
        assert_eq!(bounds(&Retry::exponential(10 * SECOND, SECOND), [1, 2]), [SECOND; 2]);
    }

    #[test]
    fn jitter_stays_within_the_bound_and_spreads() {
        let retry = Retry::exponential(Duration::from_millis(100), Duration::from_secs(60));
        for attempt in 1..=12 {
            let bound = retry.bound(retry.backoff, attempt);
            let draws: Vec<_> = (0..1_000).map(|_| retry.delay(retry.backoff, attempt)).collect();
            assert!(draws.iter().all(|draw| *draw <= bound), "attempt {attempt}");
            // All thousand in one half has a chance of one in 2^999.
            assert!(draws.iter().any(|draw| *draw < bound / 2), "attempt {attempt}");
            assert!(draws.iter().any(|draw| *draw > bound / 2), "attempt {attempt}");
        }
    }
}
