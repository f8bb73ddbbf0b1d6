//! [`Ahead`]: how many messages the worker takes for which it has no free slot yet.
//!
//! Messages at hand keep the slots busy while a turn is under way, and make turns few and large. But a message in these
//! hands is out of reach of a worker that is idle. So only as many are taken as will start within [`HORIZON`] at the
//! speed of the moment: none where tasks take long or the queue is quiet, some hundreds where they are short and many. If
//! the speed breaks down, what has waited for [`PATIENCE`] is handed back.

use std::time::Duration;

use tokio::time::Instant;

/// How soon a message that is taken ahead should start.
const HORIZON: Duration = Duration::from_millis(2);
/// How long to count before a speed is believed.
const WINDOW: Duration = Duration::from_millis(1);
/// The most that are taken ahead.
const MOST: usize = 1_000;
/// How long a message may wait in these hands. Far above [`HORIZON`], so that a stutter moves nothing to and fro.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// The speed of the moment and what follows from it.
pub(super) struct Ahead {
    since: Instant,
    /// Executions that have ended since then.
    ended: usize,
    allowed: usize,
}

impl Ahead {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, ended: 0, allowed: 0 }
    }

    /// Counts executions that have ended. Says whether the speed was taken anew.
    pub(super) fn ended(&mut self, count: usize, now: Instant) -> bool {
        self.ended += count;
        let elapsed = now.saturating_duration_since(self.since);
        let known = elapsed >= WINDOW;
        if known {
            let within_horizon = self.ended as u128 * HORIZON.as_nanos() / elapsed.as_nanos();
            self.allowed = usize::try_from(within_horizon).unwrap_or(MOST).min(MOST);
            self.since = now;
            self.ended = 0;
        }
        known
    }

    /// How many messages may wait for a slot.
    pub(super) fn allowed(&self) -> usize {
        self.allowed
    }

    /// While more messages wait than this, there is no hurry to take more.
    pub(super) fn plenty(&self) -> usize {
        self.allowed / 2
    }

    /// Until when a turn may be put off, and reports be left where they are, while enough messages wait.
    pub(super) fn no_hurry_until(since: Instant) -> Instant {
        since + HORIZON
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(count: usize, elapsed: Duration) -> usize {
        let start = Instant::now();
        let mut ahead = Ahead::new(start);
        ahead.ended(count, start + elapsed);
        ahead.allowed()
    }

    #[test]
    fn as_many_are_taken_ahead_as_start_soon() {
        assert_eq!(after(100, Duration::from_millis(1)), 200);
        assert_eq!(after(100, Duration::from_millis(20)), 10);
        assert_eq!(after(1_000_000, Duration::from_millis(1)), MOST);
    }

    #[test]
    fn where_tasks_take_long_nothing_is_taken_ahead() {
        assert_eq!(after(100, Duration::from_secs(1)), 0);
        assert_eq!(after(0, Duration::from_secs(10)), 0);
    }
}
