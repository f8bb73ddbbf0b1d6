//! [`QueueSender`]: the way of one client to one queue, on which sends that run at once travel together.
//!
//! While one call to the broker is in flight, further sends gather and go with the next: bulks grow with load and an
//! idle sender adds no delay. Calls of one sender are in sequence, so a number is enough for the broker to recognise a repeat.
//!
//! Next: `broker/redis/calls/publish.rs`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::SendError;
use super::buffer::{Buffer, Room};
use crate::broker::{Broker, BrokerError, Entry, ProducerId, Publish};
use crate::message::{Durability, MessageId, QueueName};

/// A call carries no more than about this many bytes, so that one call never holds up a connection for long.
const MAX_CALL_BYTES: usize = 4 * 1024 * 1024;
/// How long to wait before a failed call is repeated.
const REPEAT_DELAY: Duration = Duration::from_millis(50);

/// The way of one client to one queue, for messages of one level of durability.
pub(super) struct QueueSender {
    broker: Arc<dyn Broker>,
    /// Its own, since its numbers are.
    producer: ProducerId,
    settings: QueueSenderSettings,
    state: Mutex<State>,
}

/// What a client asks for on one of its senders.
pub(super) struct QueueSenderSettings {
    pub(super) queue: QueueName,
    /// How long one call may take, repeats included.
    pub(super) timeout: Duration,
    /// Shared by all senders of the client.
    pub(super) buffer: Arc<Buffer>,
    pub(super) durability: Durability,
    pub(super) max_queue_length: Option<u64>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// The number of the last call.
    sequence: u64,
    /// Whether a flusher runs; it takes whatever is waiting before it ends.
    flushing: bool,
}

struct Job {
    entries: Vec<Entry>,
    caller: Caller,
}

/// Who waits for a job.
struct Caller {
    reply: oneshot::Sender<Result<(), Arc<BrokerError>>>,
    /// Held until the job is replied to.
    _room: Room,
}

/// A submitted job.
pub(super) struct Submitted {
    reply: oneshot::Receiver<Result<(), Arc<BrokerError>>>,
    sender: Arc<QueueSender>,
}

impl Submitted {
    /// Waits until the broker has accepted or refused the job, whose first message is `id`.
    pub(super) async fn finished(&mut self, id: MessageId) -> Result<(), SendError> {
        match (&mut self.reply).await {
            Ok(result) => result.map_err(|error| SendError::of_call(&error, id)),
            // The flusher ended without a reply: its runtime was shut down.
            Err(_) => Err(BrokerError::Closed { address: self.sender.broker.address().to_owned() }.into()),
        }
    }
}

impl QueueSender {
    pub(super) fn new(broker: Arc<dyn Broker>, settings: QueueSenderSettings) -> Arc<Self> {
        Arc::new(Self { broker, producer: ProducerId::new(), settings, state: Mutex::default() })
    }

    pub(super) fn queue(&self) -> &str {
        self.settings.queue.as_str()
    }

    /// Puts entries, at most [`Publish::MAX_ENTRIES`], into the next call. They are accepted or refused together.
    ///
    /// # Errors
    ///
    /// The client's buffer has no room for them.
    pub(super) fn submit(self: &Arc<Self>, entries: Vec<Entry>) -> Result<Submitted, SendError> {
        debug_assert!(entries.len() <= Publish::MAX_ENTRIES, "the caller cuts what it submits");
        let room = self.settings.buffer.take(&entries)?;
        let (sender, reply) = oneshot::channel();
        let mut state = self.lock();
        state.waiting.push_back(Job { entries, caller: Caller { reply: sender, _room: room } });
        if !state.flushing {
            state.flushing = true;
            drop(state);
            tokio::spawn(Flusher { sender: Arc::clone(self), ended: false }.run());
        }
        Ok(Submitted { reply, sender: Arc::clone(self) })
    }

    /// The jobs of the next call and its number; `None`, and no flusher any more, when nothing waits.
    fn next_call(&self) -> Option<(Vec<Job>, u64)> {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            state.flushing = false;
            return None;
        }
        let (mut jobs, mut entries, mut bytes) = (Vec::new(), 0, 0);
        while let Some(job) = state.waiting.front() {
            entries += job.entries.len();
            bytes += job.entries.iter().map(|entry| entry.payload.len()).sum::<usize>();
            let fits = entries <= Publish::MAX_ENTRIES && bytes <= MAX_CALL_BYTES;
            if !fits && !jobs.is_empty() {
                break;
            }
            jobs.extend(state.waiting.pop_front());
        }
        state.sequence += 1;
        Some((jobs, state.sequence))
    }

    /// Publishes one bulk, repeating it under its number until it is clear how it ended or the time is over.
    async fn publish(&self, bulk: &Publish) -> Result<(), BrokerError> {
        let deadline = Instant::now() + self.settings.timeout;
        loop {
            match self.broker.publish(bulk).await {
                Err(error) if error.is_transient() && Instant::now() + REPEAT_DELAY < deadline => {
                    tracing::debug!(queue = self.queue(), %error, "publishing again");
                    tokio::time::sleep(REPEAT_DELAY).await;
                }
                result => return result.map(drop),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under this lock is one assignment or one push, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes call after call until nothing waits. If its runtime is shut down, the jobs left are dropped, which their senders
/// see as an error, and the next send starts another flusher.
struct Flusher {
    sender: Arc<QueueSender>,
    /// Whether it has given up its place; another one may run since.
    ended: bool,
}

impl Flusher {
    async fn run(mut self) {
        let sender = Arc::clone(&self.sender);
        while let Some((jobs, sequence)) = sender.next_call() {
            let (entries, callers): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.entries, job.caller)).unzip();
            let bulk = Publish {
                queue: sender.settings.queue.clone(),
                producer: sender.producer,
                sequence,
                entries: entries.into_iter().flatten().collect(),
                durability: sender.settings.durability,
                max_waiting: sender.settings.max_queue_length,
                answered: false,
            };
            let result = sender.publish(&bulk).await.map_err(Arc::new);
            for caller in callers {
                // A sender that has gone away does not want to know.
                let _ = caller.reply.send(result.clone());
            }
            // Who sends one message after the other does so again now, and joins the next call instead of the one after:
            // fewer calls, and less work for each message.
            tokio::task::yield_now().await;
        }
        self.ended = true;
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        if !self.ended {
            let mut state = self.sender.lock();
            state.waiting.clear();
            state.flushing = false;
        }
    }
}
