//! What a run of `cargo xtask test` took, per group of steps, and how long it may take.
//!
//! Only the whole is a limit: a group that is over its share shows where to look, but one slow group on a busy machine
//! is no reason to fail.

use std::fmt;
use std::time::{Duration, Instant};

/// How long a whole run may take. On two cores it should take 30 minutes from nothing; a busy machine gets half as much again.
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// Steps that share a part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Build,
    Tests,
    OtherServers,
    Chaos,
}

impl Group {
    const ALL: [Self; 4] = [Self::Build, Self::Tests, Self::OtherServers, Self::Chaos];

    /// Its name, and the minutes it should take at most.
    const fn share(self) -> (&'static str, u64) {
        match self {
            Self::Build => ("build", 8),
            Self::Tests => ("tests", 8),
            Self::OtherServers => ("other servers", 4),
            Self::Chaos => ("chaos", 4),
        }
    }
}

/// All steps passed, but not in time.
#[derive(Debug, thiserror::Error)]
#[error(
    "all steps passed, but took {took}, and a whole run may take {limit} on two cores: make the groups faster that are \
     over their share above, or run again if the machine was busy with something else"
)]
pub(crate) struct TooSlow {
    took: Clock,
    limit: Clock,
}

/// The times of the steps so far.
#[derive(Debug)]
pub(super) struct Times {
    began: Instant,
    steps: Vec<(Group, String, Duration)>,
}

impl Times {
    pub(super) fn begin() -> Self {
        Self { began: Instant::now(), steps: Vec::new() }
    }

    /// Notes that a step has passed.
    pub(super) fn took(&mut self, group: Group, step: String, time: Duration) {
        eprintln!("── {step} passed in {:.1} s", time.as_secs_f32());
        self.steps.push((group, step, time));
    }

    /// Prints what each group took, and its steps.
    pub(super) fn report(&self) {
        eprintln!("\nall passed in {}", Clock(self.began.elapsed()));
        for group in Group::ALL {
            let steps: Vec<_> = self.steps.iter().filter(|(of, ..)| *of == group).collect();
            if steps.is_empty() {
                continue;
            }
            let took: Duration = steps.iter().map(|(.., time)| *time).sum();
            let names: Vec<_> =
                steps.iter().map(|(_, step, time)| format!("{step} {:.1} s", time.as_secs_f32())).collect();
            let (name, minutes) = group.share();
            let share = Duration::from_secs(minutes * 60);
            let over = if took > share { ", more than its share" } else { "" };
            eprintln!("  {name:13} {} of {}{over}: {}", Clock(took), Clock(share), names.join(", "));
        }
    }

    /// Whether all of it was quick enough.
    pub(super) fn check(&self) -> Result<(), TooSlow> {
        within_limit(self.began.elapsed())
    }
}

fn within_limit(took: Duration) -> Result<(), TooSlow> {
    if took > LIMIT { Err(TooSlow { took: Clock(took), limit: Clock(LIMIT) }) } else { Ok(()) }
}

/// Minutes and seconds, such as 8:05 min.
#[derive(Debug, Clone, Copy)]
struct Clock(Duration);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        write!(f, "{}:{:02} min", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_beyond_the_limit_fails_and_says_what_it_took() {
        assert!(within_limit(LIMIT).is_ok());
        let error = within_limit(LIMIT + Duration::from_secs(65)).unwrap_err().to_string();
        assert!(error.contains("took 46:05 min") && error.contains("45:00 min"), "{error}");
    }

    #[test]
    fn the_shares_fit_into_the_limit() {
        let minutes: u64 = Group::ALL.iter().map(|group| group.share().1).sum();
        assert!(minutes * 60 <= LIMIT.as_secs());
    }
}
