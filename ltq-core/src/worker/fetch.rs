//! [`Fetch`]: the loop that takes messages while there are free slots, and carries settlements to the broker.
//!
//! There is no batch barrier: a turn is made as soon as there is room and perhaps a message, or something to settle. While
//! a turn is under way, executions go on, with messages taken ahead where tasks are short (`worker/ahead.rs`), and what
//! they report gathers for the next one. Due messages are moved inside the broker's turn, so there is no part that
//! forwards them.
//!
//! Next: `worker/turns.rs`, then `worker/pool.rs`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use slab::Slab;
use tokio::time::Instant;

use super::ahead::{self, Ahead};
use super::execute::Execution;
use super::health::Health;
use super::heartbeat::{Heartbeat, Pulse};
use super::pool::{Pool, Report};
use super::turns::{Ended, Turns};
use super::wait::{Waiters, Woken};
use super::{Shutdown, WorkerError};
use crate::BoxFuture;
use crate::broker::{Broker, Delivered, TurnReply};
use crate::task::Origin;

/// How often the loop shows that it is alive although nothing happens.
const TICK: Duration = Duration::from_secs(1);
/// When the worker stops, how long the broker has to take the last settlements.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The loop and everything it owns.
pub(super) struct Fetch {
    pub(super) broker: Arc<dyn Broker>,
    pub(super) pool: Pool,
    pub(super) queues: Vec<Turns>,
    pub(super) waiters: Waiters,
    pub(super) heartbeat: Heartbeat,
    pub(super) health: Health,
    pub(super) shutdown: Shutdown,
    /// The messages in this worker's hands, by the number of their execution. The number of one that is gone is used
    /// again, so a message may be given up while it runs only when no other will follow.
    held: Slab<HeldMessage>,
    ahead: Ahead,
    turns: FuturesUnordered<BoxFuture<'static, Ended>>,
    /// What turns under way may bring.
    reserved: usize,
    /// Which queue is asked first; it moves on so that no queue is always last.
    first: usize,
    /// Memory for collecting what executions report.
    collected: Vec<Report>,
    stage: Stage,
}

/// A message that waits for a slot or runs.
struct HeldMessage {
    queue: usize,
    epoch: u64,
    delivered: Delivered,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Takes messages.
    Work,
    /// Takes nothing new; what runs has until then.
    Drain { until: Instant },
    /// Nothing runs any more; the broker has until then to take the last settlements.
    Settle { until: Instant },
}

impl Fetch {
    pub(super) fn new(
        broker: Arc<dyn Broker>,
        pool: Pool,
        queues: Vec<Turns>,
        waiters: Waiters,
        heartbeat: Heartbeat,
        health: Health,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            broker,
            pool,
            queues,
            waiters,
            heartbeat,
            health,
            shutdown,
            held: Slab::new(),
            ahead: Ahead::new(Instant::now()),
            turns: FuturesUnordered::new(),
            reserved: 0,
            first: 0,
            collected: Vec::new(),
            stage: Stage::Work,
        }
    }

    /// Runs until the worker has stopped as asked.
    ///
    /// # Errors
    ///
    /// The watchdog gave up.
    pub(super) async fn run(mut self) -> Result<Stopped, WorkerError> {
        loop {
            self.collect();
            self.refresh();
            if self.advance_stage() {
                return Ok(Stopped { queues: self.queues, waiters: self.waiters, heartbeat: self.heartbeat });
            }
            self.hand_back_overdue();
            self.start_turns();
            if self.turns.is_empty() {
                self.health.fetch_progress();
            }
            self.wait_for_event().await?;
        }
    }

    /// Waits for the next thing to do.
    async fn wait_for_event(&mut self) -> Result<(), WorkerError> {
        let working = self.stage == Stage::Work;
        let wake_at = self.wake_at();
        if working && self.free() > 0 && self.queues.iter().any(|queue| !queue.hot && !queue.under_way) {
            self.waiters.arm();
        }
        // While every queue has a turn under way, reports only gather: collecting them could start nothing.
        let collecting = self.queues.iter().any(|queue| !queue.under_way);
        tokio::select! {
            Some(ended) = self.turns.next(), if !self.turns.is_empty() => self.turn_ended(ended),
            () = self.pool.news(), if collecting => {
                // Lets executions that are about to end do so, and join the same turn.
                tokio::task::yield_now().await;
            }
            Some(woken) = self.waiters.woken() => self.woken(woken),
            pulse = self.heartbeat.pulse() => match pulse {
                Some(Pulse::LeaseLost) => tracing::warn!("a lease was lost: this worker was silent for too long"),
                Some(Pulse::Recovered(queue)) => self.woken(Woken::Look(vec![queue])),
                Some(Pulse::Stalled { what, limit }) => return Err(WorkerError::Stalled { what, limit }),
                None => return Err(WorkerError::Stalled { what: "the heartbeat thread ended", limit: Duration::ZERO }),
            },
            () = tokio::time::sleep_until(wake_at) => {}
            () = self.shutdown.requested(), if working => {}
            () = self.shutdown.requested_again(), if matches!(self.stage, Stage::Drain { .. }) => {}
        }
        Ok(())
    }

    /// How many more messages could run.
    fn free(&self) -> usize {
        self.pool.executor().options.concurrency.saturating_sub(self.held.len() + self.reserved)
    }

    /// How many more messages may be taken.
    fn room(&self) -> usize {
        let most = self.pool.executor().options.concurrency + self.ahead.allowed();
        most.saturating_sub(self.held.len() + self.reserved)
    }

    /// When to wake at the latest.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let mut at = now + TICK;
        match self.stage {
            Stage::Work => {
                if self.free() > 0 {
                    let queues = self.queues.iter().filter(|queue| !queue.under_way);
                    at = at.min(queues.filter_map(|queue| queue.due_at).min().unwrap_or(at));
                }
                at = at.min(self.pool.oldest().map_or(at, |oldest| oldest + ahead::PATIENCE));
                if self.pool.waiting() > self.ahead.plenty() {
                    // Reports make no news meanwhile, but must not be kept for long either.
                    at = at.min(Ahead::no_hurry_until(now));
                }
            }
            Stage::Drain { until } | Stage::Settle { until } => at = at.min(until),
        }
        at
    }

    /// Takes note of leases that were lost. What waits is somebody else's by now; what runs is told by its signal.
    fn refresh(&mut self) {
        for (index, queue) in self.queues.iter_mut().enumerate() {
            if queue.refresh() {
                let held = &self.held;
                let lost = self.pool.take_back(|execution| held[execution.number].queue == index);
                lost.iter().for_each(|execution| drop(self.held.remove(execution.number)));
            }
        }
    }

    /// Takes in what executions have reported.
    fn collect(&mut self) {
        let mut collected = std::mem::take(&mut self.collected);
        self.pool.reports(&mut collected);
        if self.ahead.ended(collected.len(), Instant::now()) {
            self.pool.set_plenty(self.ahead.plenty());
        }
        for (number, settlement) in collected.drain(..) {
            // A message that was handed back is not running any more; whatever its execution still reports is void.
            if let Some(message) = self.held.try_remove(number) {
                self.queues[message.queue].settle(message.epoch, message.delivered.id, settlement);
            }
        }
        self.collected = collected;
    }

    /// Hands back messages that have waited too long for a slot.
    fn hand_back_overdue(&mut self) {
        let now = Instant::now();
        let overdue = |since: Instant| since + ahead::PATIENCE <= now;
        if self.pool.oldest().is_some_and(overdue) {
            let executions = self.pool.take_back(|execution| overdue(execution.taken_at));
            self.hand_back_unseen(executions);
        }
    }

    /// Hands back messages that were never started, as they came.
    fn hand_back_unseen(&mut self, executions: Vec<Execution>) {
        for execution in executions {
            let message = self.held.remove(execution.number);
            self.queues[message.queue].hand_back_unseen(message.epoch, &message.delivered);
        }
    }

    /// Starts every turn that may bring or tell something.
    fn start_turns(&mut self) {
        let now = Instant::now();
        let count = self.queues.len();
        let working = self.stage == Stage::Work;
        let mut asking = self.queues.iter().filter(|queue| !queue.under_way && queue.may_have_messages(now)).count();
        let plenty = working && self.pool.waiting() > self.ahead.plenty();
        for offset in 0..count {
            let index = (self.first + offset) % count;
            let room = self.room();
            let queue = &mut self.queues[index];
            if queue.under_way || (plenty && !queue.woken && now < Ahead::no_hurry_until(queue.last_turn)) {
                continue;
            }
            let asks = queue.may_have_messages(now);
            // An equal share of the room for each queue that asks; what one does not need is free again soon.
            let want = if working && asks { queue.want(room.div_ceil(asking.max(1))) } else { 0 };
            asking -= usize::from(asks);
            if want == 0 && !queue.has_news() {
                continue;
            }
            let turn = queue.start(index, Arc::clone(&self.broker), want, &self.pool.executor().options);
            self.turns.push(Box::pin(turn));
            self.reserved += want;
        }
        self.first = (self.first + 1) % count;
    }

    fn turn_ended(&mut self, mut ended: Ended) {
        self.reserved -= ended.want;
        let queue = &mut self.queues[ended.queue];
        if !queue.ended(&ended) {
            return;
        }
        self.health.fetch_progress();
        self.health.broker_answered();
        if let Some(reply) = ended.reply.take() {
            self.deliver(ended.queue, ended.epoch, reply);
        }
    }

    /// Starts the executions of what a turn brought.
    fn deliver(&mut self, index: usize, epoch: u64, reply: TurnReply) {
        let queue = &mut self.queues[index];
        if self.stage != Stage::Work {
            for delivered in reply.deliveries {
                queue.hand_back_unseen(epoch, &delivered);
            }
            return;
        }
        let origin = Arc::new(Origin {
            queue: queue.membership.queue().shared(),
            client: Some(self.pool.client().clone()),
            now_ms: reply.now_ms,
            cancellation: queue.incarnation().cancellation.clone(),
        });
        let taken_at = Instant::now();
        let held = &mut self.held;
        self.pool.push(reply.deliveries.into_iter().map(|delivered| {
            let number = held.insert(HeldMessage { queue: index, epoch, delivered: delivered.clone() });
            Execution { number, delivered, origin: Arc::clone(&origin), taken_at }
        }));
    }

    fn woken(&mut self, woken: Woken) {
        match woken {
            Woken::Queue(name) => {
                for queue in self.queues.iter_mut().filter(|queue| *queue.membership.queue() == name) {
                    queue.hot = true;
                    queue.woken = true;
                }
            }
            Woken::Look(names) => {
                for queue in self.queues.iter_mut().filter(|queue| names.contains(queue.membership.queue())) {
                    queue.hot = true;
                }
            }
        }
    }

    /// Moves from one stage to the next when its time has come. Says whether everything is over.
    fn advance_stage(&mut self) -> bool {
        let now = Instant::now();
        if self.stage == Stage::Work && self.shutdown.is_requested() {
            let timeout = self.pool.executor().options.shutdown_timeout;
            tracing::info!(running = self.held.len(), ?timeout, "stopping: no new messages, waiting for what runs");
            self.health.stopping();
            let waiting = self.pool.take_back(|_| true);
            self.hand_back_unseen(waiting);
            self.stage = Stage::Drain { until: now + timeout };
        }
        if let Stage::Drain { until } = self.stage {
            let over = now >= until || self.shutdown.is_requested_again();
            if over && !self.held.is_empty() {
                self.hand_back_running();
            }
            if self.held.is_empty() {
                self.stage = Stage::Settle { until: now + LAST_WORDS };
            }
        }
        if let Stage::Settle { until } = self.stage {
            let settled = self.turns.is_empty() && !self.queues.iter().any(Turns::has_news);
            if !settled && now >= until {
                tracing::error!("the broker did not take the last results; their messages will run again");
            }
            return settled || now >= until;
        }
        false
    }

    /// Ends what runs and hands its messages back.
    fn hand_back_running(&mut self) {
        tracing::warn!(messages = self.held.len(), "handing back what still runs");
        for queue in &self.queues {
            queue.incarnation().cancellation.cancel();
        }
        self.pool.abort();
        for message in self.held.drain() {
            self.queues[message.queue].hand_back(message.epoch, &message.delivered);
        }
        for queue in &mut self.queues {
            queue.sort_settlements();
        }
    }
}

/// What is left to put away when the loop has ended.
pub(super) struct Stopped {
    pub(super) queues: Vec<Turns>,
    pub(super) waiters: Waiters,
    pub(super) heartbeat: Heartbeat,
}
