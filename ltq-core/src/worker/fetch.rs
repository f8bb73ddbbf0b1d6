//! [`Fetch`]: the loop that takes messages while there are free slots, and carries settlements to the broker.
//!
//! There is no batch barrier: a turn is made as soon as there is room and perhaps a message, or something to settle; which
//! and when is decided by the rota. While a turn is under way, executions go on, with messages taken ahead where tasks are
//! short (`worker/ahead.rs`), and what they report gathers for the next one. Due messages are moved inside the broker's
//! turn, so there is no part that forwards them.
//!
//! Next: `worker/rota.rs`, then `worker/pool.rs`.

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
use super::rota::{Hands, Rota, Told};
use super::served::{End, Ended, Served};
use super::wait::{Waits, Woken};
use super::{Shutdown, WorkerError};
use crate::BoxFuture;
use crate::broker::{Broker, BrokerError, Delivered, TurnReply};
use crate::task::Origin;

/// How often the loop shows that it is alive although nothing happens.
const TICK: Duration = Duration::from_secs(1);
/// When the worker stops, how long the broker has to take the last settlements.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The loop and everything it owns.
pub(super) struct Fetch {
    pub(super) broker: Arc<dyn Broker>,
    pub(super) pool: Pool,
    pub(super) queues: Vec<Served>,
    pub(super) waits: Waits,
    pub(super) heartbeat: Heartbeat,
    pub(super) health: Health,
    pub(super) shutdown: Shutdown,
    /// Which of the queues is asked, for how many messages, and when.
    rota: Rota,
    /// The messages in this worker's hands, by the number of their execution. The number of one that is gone is used
    /// again, so a message may be given up while it runs only when no other will follow.
    held: Slab<HeldMessage>,
    ahead: Ahead,
    turns: FuturesUnordered<BoxFuture<'static, Ended>>,
    /// How many messages wait for a slot, by queue.
    waiting: Vec<usize>,
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
        queues: Vec<Served>,
        waits: Waits,
        heartbeat: Heartbeat,
        health: Health,
        shutdown: Shutdown,
    ) -> Self {
        let now = Instant::now();
        Self {
            broker,
            pool,
            rota: Rota::new(queues.len(), now),
            queues,
            waits,
            heartbeat,
            health,
            shutdown,
            held: Slab::new(),
            ahead: Ahead::new(now),
            turns: FuturesUnordered::new(),
            waiting: Vec::new(),
            collected: Vec::new(),
            stage: Stage::Work,
        }
    }

    /// Runs until the worker has stopped as asked.
    ///
    /// # Errors
    ///
    /// The watchdog gave up, or every queue was closed.
    pub(super) async fn run(mut self) -> Result<Stopped, WorkerError> {
        loop {
            self.collect();
            self.refresh();
            if self.advance_stage() {
                return Ok(Stopped { queues: self.queues, waits: self.waits, heartbeat: self.heartbeat });
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
        let now = Instant::now();
        let wake_at = self.wake_at(now);
        self.waits.arm(|queue| self.rota.listens(queue, now));
        // While every queue has a turn under way, reports only gather: collecting them could start nothing.
        let collecting = self.rota.can_start();
        tokio::select! {
            Some(ended) = self.turns.next(), if !self.turns.is_empty() => self.turn_ended(ended)?,
            () = self.pool.news(), if collecting => {
                // Lets executions that are about to end do so, and join the same turn.
                tokio::task::yield_now().await;
            }
            Some(woken) = self.waits.woken() => self.woken(woken)?,
            pulse = self.heartbeat.pulse() => match pulse {
                Some(Pulse::LeaseLost) => tracing::warn!("a lease was lost: this worker was silent for too long"),
                Some(Pulse::Recovered(name)) => {
                    let queue = self.queues.iter().position(|queue| *queue.membership.queue() == name);
                    queue.into_iter().for_each(|queue| self.rota.look(queue));
                }
                Some(Pulse::Stalled { what, limit }) => return Err(WorkerError::Stalled { what, limit }),
                None => return Err(WorkerError::Stalled { what: "the heartbeat thread ended", limit: Duration::ZERO }),
            },
            () = tokio::time::sleep_until(wake_at) => {}
            () = self.shutdown.requested(), if working => {}
            () = self.shutdown.requested_again(), if matches!(self.stage, Stage::Drain { .. }) => {}
        }
        Ok(())
    }

    /// When to wake at the latest.
    fn wake_at(&self, now: Instant) -> Instant {
        let mut at = now + TICK;
        at = at.min(self.rota.look_at().unwrap_or(at));
        match self.stage {
            Stage::Work => {
                at = at.min(self.pool.oldest().map_or(at, |oldest| oldest + ahead::PATIENCE));
                if self.waiting.iter().sum::<usize>() > self.ahead.plenty() {
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
                self.rota.look(index);
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
        self.pool.waiting(&mut self.waiting);
        let options = &self.pool.executor().options;
        let hands = Hands {
            takes: self.stage == Stage::Work,
            most: options.concurrency + self.ahead.allowed(),
            held: self.held.len(),
            waiting: &self.waiting,
            plenty: self.ahead.plenty(),
        };
        for ask in self.rota.plan(Instant::now(), &hands, |queue| self.queues[queue].has_news()) {
            let turn = self.queues[ask.queue].start(*ask, Arc::clone(&self.broker), options);
            self.turns.push(Box::pin(turn));
        }
    }

    fn turn_ended(&mut self, ended: Ended) -> Result<(), WorkerError> {
        let Ended { ask, epoch, end } = ended;
        let told = if let End::Reply(reply) = &end { Some(Told::from(reply)) } else { None };
        self.rota.ended(ask, told, Instant::now());
        match end {
            End::Reply(reply) => {
                if self.queues[ask.queue].replied(epoch, &reply) {
                    self.health.fetch_progress();
                    self.health.broker_answered();
                    self.deliver(ask.queue, epoch, reply);
                }
                Ok(())
            }
            End::LeaseLost => Ok(()),
            End::Refused(error) => self.close_queue(ask.queue, error),
        }
    }

    /// Stops serving a queue for which the broker refuses what the worker needs. What the worker holds of it is free for
    /// others when its lease ends.
    ///
    /// # Errors
    ///
    /// It was the last one.
    fn close_queue(&mut self, index: usize, error: BrokerError) -> Result<(), WorkerError> {
        let queue = &self.queues[index];
        if queue.is_closed() {
            return Ok(());
        }
        let name = queue.membership.queue();
        tracing::error!(queue = %name, %error, "the queue is closed for this worker: the broker refuses what serving it needs");
        queue.membership.close();
        self.rota.close(index);
        self.health.queue_closed(name.as_str(), &error);
        if self.queues.iter().all(Served::is_closed) {
            return Err(WorkerError::QueuesClosed { queue: name.to_string(), source: error });
        }
        self.waits.renew(|queue| !self.queues[queue].is_closed());
        (0..self.queues.len()).for_each(|queue| self.rota.look(queue));
        Ok(())
    }

    /// Starts the executions of what a turn brought.
    fn deliver(&mut self, index: usize, epoch: u64, reply: TurnReply) {
        let queue = &mut self.queues[index];
        if self.stage != Stage::Work {
            for delivered in reply.taken {
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
        self.pool.push(
            index,
            reply.taken.into_iter().map(|delivered| {
                let number = held.insert(HeldMessage { queue: index, epoch, delivered: delivered.clone() });
                Execution { number, delivered, origin: Arc::clone(&origin), taken_at }
            }),
        );
    }

    fn woken(&mut self, woken: Woken) -> Result<(), WorkerError> {
        match woken {
            Woken::Token(queue) => self.rota.woken(queue, Instant::now()),
            Woken::Look(queues) => queues.iter().for_each(|queue| self.rota.look(*queue)),
            Woken::Refused(queue, error) => self.close_queue(queue, error)?,
        }
        Ok(())
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
            let settled = self.turns.is_empty() && !self.rota.owes() && !self.queues.iter().any(Served::has_news);
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
    pub(super) queues: Vec<Served>,
    pub(super) waits: Waits,
    pub(super) heartbeat: Heartbeat,
}
