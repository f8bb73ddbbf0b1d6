//! [`Report`]: what happened while a test ran its messages.

use std::collections::HashMap;
use std::fmt;

use crate::message::MessageId;
use crate::task::Task;
use crate::worker::{Outcome, Run};

/// How often one message may be put back before the test gives up on it.
pub(super) const MAX_PUT_BACK: u32 = 1_000;
/// How many executions there may be in all.
const MAX_RUNS: usize = 100_000;

/// The executions of one [`run_all`](super::TestQueue::run_all) or [`run_due`](super::TestQueue::run_due).
///
/// Printed, it is one line per execution.
#[derive(Debug, Clone, Default)]
#[must_use = "says whether the tasks succeeded"]
pub struct Report {
    runs: Vec<Run>,
    put_back: HashMap<MessageId, u32>,
    gave_up: Option<String>,
}

impl Report {
    /// Every execution, in order.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The executions of one task, in order.
    pub fn runs_of<T: Task>(&self, _task: T) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.task == T::DEF.name)
    }

    /// How many messages were done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.runs.iter().filter(|run| run.outcome == Outcome::Done).count()
    }

    /// How many times a message was put back with a delay.
    #[must_use]
    pub fn retried(&self) -> usize {
        self.runs.iter().filter(|run| matches!(run.outcome, Outcome::Retried { .. })).count()
    }

    /// How many messages became dead letters.
    #[must_use]
    pub fn dead(&self) -> usize {
        self.runs.iter().filter(|run| matches!(run.outcome, Outcome::Dead { .. })).count()
    }

    /// Why it ended although messages were left: one is put back again and again, or tasks send tasks without end.
    #[must_use]
    pub fn gave_up(&self) -> Option<&str> {
        self.gave_up.as_deref()
    }

    /// Asserts that no message became a dead letter and all came to an end. Retries are fine.
    ///
    /// # Panics
    ///
    /// It is not so; the text is the whole report.
    #[track_caller]
    pub fn assert_success(&self) {
        assert!(self.dead() == 0 && self.gave_up.is_none(), "not every message was done\n\n{self}");
    }

    pub(super) fn add(&mut self, run: Run) {
        if matches!(run.outcome, Outcome::Retried { .. }) {
            *self.put_back.entry(run.id).or_default() += 1;
        }
        self.runs.push(run);
    }

    /// Whether the last execution was one too many.
    pub(super) fn check_end(&mut self) -> bool {
        let Some(last) = self.runs.last() else { return false };
        if self.put_back.get(&last.id).is_some_and(|times| *times >= MAX_PUT_BACK) {
            self.gave_up = Some(format!("gave up: `{}` was put back {MAX_PUT_BACK} times", last.task));
        } else if self.runs.len() >= MAX_RUNS {
            self.gave_up = Some(format!("gave up after {MAX_RUNS} executions, the last of `{}`", last.task));
        }
        self.gave_up.is_some()
    }
}

/// The most lines of a printed report.
const MAX_LINES: usize = 50;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, retried, dead) = (self.done(), self.retried(), self.dead());
        write!(f, "{done} done, {retried} retried, {dead} dead")?;
        let hidden = self.runs.len().saturating_sub(MAX_LINES);
        if hidden > 0 {
            write!(f, "\n  … {hidden} earlier executions")?;
        }
        for run in &self.runs[hidden..] {
            write!(f, "\n  {run}")?;
        }
        self.gave_up.iter().try_for_each(|text| write!(f, "\n{text}"))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = if self.task.is_empty() { "(not a message)" } else { &self.task };
        write!(f, "{task} attempt {}: ", self.attempt)?;
        match &self.outcome {
            Outcome::Done => f.write_str("done"),
            Outcome::Retried { delay, error } => write!(f, "put back for {delay:?}: {error}"),
            Outcome::Dead { reason, error } => write!(f, "dead letter, {reason}: {error}"),
        }
    }
}
