//! What only tests may do with the broker in memory: look at what waits, and take one message out of turn.

use std::time::Duration;

use super::MemoryBroker;
use super::clock::ceil_ms;
use super::state::Waiting;
use crate::broker::{Recovery, Turn, TurnReply, WorkerId};
use crate::message::{MessageId, QueueName};

impl MemoryBroker {
    /// What its clock shows, in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.inner.clock.now_ms()
    }

    /// The messages that wait, by queue; of each queue the ready ones first, then by due time.
    pub(crate) fn waiting(&self) -> Vec<(QueueName, Waiting)> {
        let queues = super::lock(&self.inner.queues);
        queues.iter().flat_map(|(name, queue)| queue.waiting().map(|waiting| (name.clone(), waiting))).collect()
    }

    /// How long until the next scheduled message of one of these queues is due.
    pub(crate) fn next_due(&self, queues: &[QueueName]) -> Option<Duration> {
        let due_ms = queues.iter().filter_map(|name| self.read(name, |queue| queue.next_due_ms())).min()?;
        Some(Duration::from_millis(due_ms.saturating_sub(self.now_ms())))
    }

    /// A turn; with `only`, it takes that message or none.
    pub(crate) fn turn_now(&self, turn: &Turn, only: Option<MessageId>) -> TurnReply {
        let reply = self.change(&turn.queue, |queue, now_ms| match only {
            Some(id) if !queue.bring_forward(id, now_ms) => queue.turn(&Turn { want: 0, ..turn.clone() }, now_ms),
            _ => queue.turn(turn, now_ms),
        });
        // The steps of a test number their turns one after the other.
        reply.unwrap_or_default()
    }

    /// Ends an incarnation of a worker; what it still holds is ready again.
    pub(crate) fn leave_now(&self, queue: &QueueName, worker: &WorkerId) {
        self.change_existing(queue, |queue, now_ms| queue.recover(worker, Recovery::Leaving, now_ms));
    }

    /// Puts the clock forward to the moment `delay` after `from_ms`, if it is not there yet.
    pub(crate) fn advance_to(&self, from_ms: u64, delay: Duration) {
        let at_ms = from_ms.saturating_add(ceil_ms(delay));
        self.advance(Duration::from_millis(at_ms.saturating_sub(self.now_ms())));
    }
}
