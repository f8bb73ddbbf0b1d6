//! [`Limit`]: one limit: what may start now, and the line of those that may not.
//!
//! `governor` alone decides whether something starts, so the rate holds whatever the line says. The line only spreads
//! the waiting: turns given to messages that another worker takes, or that never return, cost at most some of the rate.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::task::Rate;

/// The furthest turn. What would come later asks again within this time: then a raised limit, or one more worker, helps
/// the messages that wait already.
const HORIZON: Duration = Duration::from_secs(3600);

/// A rate that nothing could keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rate of {count} per {per:?} cannot be kept: give at least 1, in enough time for one nanosecond each")]
#[non_exhaustive]
pub struct InvalidRate {
    /// How many starts.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

/// What a message that wants to start is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It may.
    Start,
    /// Its turn has come and the start is within its patience: ask once more then.
    Soon(Duration),
    /// Its turn comes then.
    Turn(Duration),
    /// The line is full: ask for a turn then.
    AskAgain(Duration),
}

pub(super) struct Limit {
    rate: Rate,
    spacing: Duration,
    clock: SinceStart,
    limiter: RateLimiter<NotKeyed, InMemoryState, SinceStart, NoOpMiddleware<Duration>>,
    /// The last turn given, on `clock`.
    last_turn: Mutex<Duration>,
}

impl Limit {
    pub(super) fn new(rate: Rate) -> Result<Self, InvalidRate> {
        let invalid = InvalidRate { count: rate.count, per: rate.per };
        let burst = NonZeroU32::new(rate.count).ok_or_else(|| invalid.clone())?;
        let quota = Quota::with_period(rate.per / burst.get()).ok_or(invalid)?.allow_burst(burst);
        let clock = SinceStart(Instant::now());
        Ok(Self {
            rate,
            spacing: quota.replenish_interval(),
            clock,
            limiter: RateLimiter::direct_with_clock(quota, clock),
            last_turn: Mutex::default(),
        })
    }

    /// Asks for a start. Those whose turn has come ask at once, others only if nobody is in line.
    pub(super) fn ask(&self, has_turn: bool, patience: Duration) -> Answer {
        let mut last_turn = self.last_turn.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let mut turn = last_turn.saturating_add(self.spacing);
        if has_turn || *last_turn <= now {
            let Err(not_until) = self.limiter.check() else { return Answer::Start };
            let earliest = not_until.earliest_possible();
            let wait = earliest.saturating_sub(now);
            if has_turn && wait <= patience {
                return Answer::Soon(wait);
            }
            turn = turn.max(earliest);
        }
        let wait = whole_millis(turn.saturating_sub(now));
        if wait > HORIZON {
            return Answer::AskAgain(HORIZON.mul_f64(0.5 + fastrand::f64() / 2.0));
        }
        *last_turn = turn;
        Answer::Turn(wait)
    }
}

/// The next full millisecond: brokers count in milliseconds, and a message that comes back too early has to wait again.
fn whole_millis(wait: Duration) -> Duration {
    Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1))
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate limit of {} per {:?}", self.rate.count, self.rate.per)
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// The time since the limit was made, on the runtime's clock, which tests can stop.
#[derive(Debug, Clone, Copy)]
struct SinceStart(Instant);

impl Clock for SinceStart {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
