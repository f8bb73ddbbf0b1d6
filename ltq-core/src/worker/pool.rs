//! [`Pool`]: the slots that run messages, and the messages that wait for one (`worker/lines.rs`).
//!
//! A slot is a task of the runtime that runs one message after the other. It reports how one ended and takes the next in
//! the same step, so that between two short messages there is nothing to wait for and nothing to allocate. Slots are
//! started as they are needed and kept.
//!
//! Next: `worker/execute.rs`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::execute::{Execution, Executor};
use super::lines::Lines;
use crate::broker::Settlement;
use crate::client::Client;
use crate::client::scope::scope;
use crate::task::Origin;

/// What an execution reports: its number and how its message ended.
pub(super) type Report = (usize, Settlement);

/// The slots of a worker. Dropping it ends what still runs.
pub(super) struct Pool {
    shared: Arc<Shared>,
    /// What tasks send with.
    client: Client,
    slots: JoinSet<()>,
}

struct Shared {
    executor: Arc<Executor>,
    state: Mutex<State>,
    /// One permit for each slot that is to look for a message.
    wake: Semaphore,
    /// There is something for the fetch loop.
    news: Notify,
}

struct State {
    waiting: Lines,
    ended: Vec<Report>,
    /// Slots that wait to be woken.
    idle: usize,
    /// While more messages wait than this, reports are no news.
    plenty: usize,
    /// Whether the fetch loop has been told since it last looked.
    told: bool,
    /// What each slot runs.
    running: Vec<Option<InSlot>>,
}

/// A message that runs.
#[derive(Clone)]
pub(super) struct InSlot {
    pub(super) payload: Bytes,
    pub(super) origin: Arc<Origin>,
}

/// Looks at what runs, for as long as the pool is there.
pub(super) struct RunningView(Weak<Shared>);

impl RunningView {
    /// How many messages of a queue run, and up to `most` of them.
    pub(super) fn of_queue(&self, queue: &str, most: usize) -> (usize, Vec<InSlot>) {
        let Some(shared) = self.0.upgrade() else { return (0, Vec::new()) };
        let state = shared.lock();
        let running = || state.running.iter().flatten().filter(|in_slot| &*in_slot.origin.queue == queue);
        (running().count(), running().take(most).cloned().collect())
    }
}

impl State {
    /// Whether the fetch loop is to be told that there is something for it; says so once until it has looked.
    fn is_to_be_told(&mut self) -> bool {
        let tell = !self.told && !self.ended.is_empty() && self.waiting.len() <= self.plenty;
        self.told |= tell;
        tell
    }
}

impl Pool {
    /// A pool for the messages of so many queues, whose tasks send with `client`.
    pub(super) fn new(executor: Arc<Executor>, client: Client, queues: usize) -> Self {
        let state = State {
            waiting: Lines::new(queues),
            ended: Vec::new(),
            idle: 0,
            plenty: 0,
            told: false,
            running: Vec::new(),
        };
        let shared = Shared { executor, state: Mutex::new(state), wake: Semaphore::new(0), news: Notify::new() };
        Self { shared: Arc::new(shared), client, slots: JoinSet::new() }
    }

    /// Looks at what runs.
    pub(super) fn running(&self) -> RunningView {
        RunningView(Arc::downgrade(&self.shared))
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn executor(&self) -> &Executor {
        &self.shared.executor
    }

    /// Adds messages of one queue; those for which there is a slot start at once.
    pub(super) fn push(&mut self, queue: usize, executions: impl IntoIterator<Item = Execution>) {
        let (wake, more) = {
            let mut state = self.shared.lock();
            state.waiting.push(queue, executions);
            let wake = state.waiting.len().min(state.idle);
            state.idle -= wake;
            (wake, state.waiting.len() - wake)
        };
        self.shared.wake.add_permits(wake);
        for _ in 0..more.min(self.shared.executor.options.concurrency.saturating_sub(self.slots.len())) {
            let slot = Arc::clone(&self.shared).slot(self.slots.len());
            self.slots.spawn(scope(self.client.clone(), slot));
        }
    }

    /// Takes what has been reported into `into`, which must be empty; its memory is used again.
    pub(super) fn reports(&self, into: &mut Vec<Report>) {
        let mut state = self.shared.lock();
        std::mem::swap(&mut state.ended, into);
        state.told = false;
    }

    /// Waits until something was reported and no more than a number of messages wait. Safe to drop.
    pub(super) async fn news(&self) {
        self.shared.news.notified().await;
    }

    /// Sets the number of waiting messages above which reports are no news.
    pub(super) fn set_plenty(&self, plenty: usize) {
        let mut state = self.shared.lock();
        state.plenty = plenty;
        // What was no news until now may have become some.
        if state.is_to_be_told() {
            self.shared.news.notify_one();
        }
    }

    /// Writes into `by_queue` how many messages wait.
    pub(super) fn waiting(&self, by_queue: &mut Vec<usize>) {
        by_queue.clear();
        by_queue.extend(self.shared.lock().waiting.lens());
    }

    /// When the message that waits longest was taken.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.shared.lock().waiting.oldest()
    }

    /// Takes back the messages that still wait and for which `which` holds.
    pub(super) fn take_back(&self, which: impl Fn(&Execution) -> bool) -> Vec<Execution> {
        self.shared.lock().waiting.take_back(which)
    }

    /// Ends whatever runs where it waits.
    pub(super) fn abort(&mut self) {
        self.slots.abort_all();
        self.shared.lock().running.clear();
    }
}

impl Shared {
    /// Runs one message after the other.
    async fn slot(self: Arc<Self>, index: usize) {
        let mut report = None;
        loop {
            match self.next(index, report.take()) {
                Some(execution) => {
                    let number = execution.number;
                    report = Some((number, self.executor.execute(execution).await));
                    // Messages that never wait must not keep the thread from everything else.
                    tokio::task::coop::consume_budget().await;
                }
                None => match self.wake.acquire().await {
                    Ok(permit) => permit.forget(),
                    // Never closed.
                    Err(_) => return,
                },
            }
        }
    }

    /// Reports how the message of a slot ended and takes the next one that waits.
    fn next(&self, slot: usize, report: Option<Report>) -> Option<Execution> {
        let mut state = self.lock();
        state.ended.extend(report);
        let next = state.waiting.pop();
        if state.running.len() <= slot {
            state.running.resize(slot + 1, None);
        }
        state.running[slot] = next.as_ref().map(|execution| InSlot {
            payload: execution.delivered.payload.clone(),
            origin: Arc::clone(&execution.origin),
        });
        state.idle += usize::from(next.is_none());
        let tell = state.is_to_be_told();
        drop(state);
        if tell {
            self.news.notify_one();
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics half way, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
