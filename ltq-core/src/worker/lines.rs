//! [`Lines`]: the messages at hand that wait for a slot, in a line for each queue.
//!
//! The lines take turns, so that what was taken ahead for one queue does not stand in the way of another's.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::execute::Execution;
use super::shares::Shares;

pub(super) struct Lines {
    lines: Vec<VecDeque<Execution>>,
    shares: Shares,
    len: usize,
}

impl Lines {
    pub(super) fn new(queues: usize) -> Self {
        Self { lines: (0..queues).map(|_| VecDeque::new()).collect(), shares: Shares::new(queues), len: 0 }
    }

    /// Adds messages of one queue at the end of its line.
    pub(super) fn push(&mut self, queue: usize, executions: impl IntoIterator<Item = Execution>) {
        let line = &mut self.lines[queue];
        let before = line.len();
        line.extend(executions);
        self.len += line.len() - before;
        self.shares.set_competes(queue, !line.is_empty());
    }

    /// Takes the next to run.
    pub(super) fn pop(&mut self) -> Option<Execution> {
        let queue = self.shares.next(|_| true)?;
        let line = &mut self.lines[queue];
        let next = line.pop_front();
        self.len -= usize::from(next.is_some());
        if line.is_empty() {
            self.shares.set_competes(queue, false);
        }
        next
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many wait, by queue.
    pub(super) fn lens(&self) -> impl Iterator<Item = usize> {
        self.lines.iter().map(VecDeque::len)
    }

    /// When the message that waits longest was taken.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.lines.iter().filter_map(|line| line.front()).map(|execution| execution.taken_at).min()
    }

    /// Takes out those for which `which` holds, those of one queue in their order.
    pub(super) fn take_back(&mut self, which: impl Fn(&Execution) -> bool) -> Vec<Execution> {
        let mut back = Vec::new();
        for (queue, line) in self.lines.iter_mut().enumerate() {
            let (out, stay) =
                std::mem::take(line).into_iter().partition::<VecDeque<_>, _>(|execution| which(execution));
            *line = stay;
            back.extend(out);
            self.shares.set_competes(queue, !line.is_empty());
        }
        self.len -= back.len();
        back
    }
}
