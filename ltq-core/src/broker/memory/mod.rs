//! [`MemoryBroker`]: the broker inside this process, for the quickstart and for tests.
//!
//! It is the contract made small: `state.rs` holds one queue as plain data, this file adds the lock, the clock and the
//! waking. One lock for all queues is enough, because no call does more under it than move a thousand messages.
//! Messages live as long as the process; nothing is written anywhere.

mod clock;
mod dead;
#[cfg(feature = "testing")]
mod inspect;
mod state;
mod wait;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;

use self::clock::Clock;
#[cfg(feature = "testing")]
pub(crate) use self::state::Waiting;
use self::state::{Full, Queue};
use self::wait::MemoryWait;
use super::{
    Admin, Ask, Broker, BrokerError, Consume, ProcessId, ProcessRecord, ProcessState, Produce, Publish, Published,
    QueueStats, Recovered, Recovery, Renewal, Turn, TurnReply, Wait, WorkerId,
};
use crate::message::{DeadLetter, MessageId, QueueName};

/// A broker inside this process. Clones are the same broker.
///
/// It is bound to no runtime: tasks of different runtimes may share one.
#[derive(Debug, Clone)]
pub struct MemoryBroker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    address: String,
    clock: Clock,
    queues: Mutex<BTreeMap<QueueName, Queue>>,
    /// One per queue that was ever published to or waited for; each keeps at most one token while nobody waits.
    wakes: Mutex<BTreeMap<QueueName, Arc<Notify>>>,
}

impl MemoryBroker {
    /// The broker of that name; everything in this process that asks for the same name shares one.
    #[must_use]
    pub fn named(name: &str) -> Arc<dyn Broker> {
        static NAMED: LazyLock<Mutex<BTreeMap<String, Arc<dyn Broker>>>> = LazyLock::new(Mutex::default);
        let new = || Arc::new(Self::new(format!("memory://{name}"), Clock::real())) as Arc<dyn Broker>;
        Arc::clone(lock(&NAMED).entry(name.to_owned()).or_insert_with(new))
    }

    /// A broker of its own, unknown to everybody else.
    #[must_use]
    pub fn private() -> Arc<dyn Broker> {
        Arc::new(Self::new("memory://".to_owned(), Clock::real()))
    }

    /// A broker of its own whose clock shows `now_ms` (milliseconds since the Unix epoch) until it is
    /// [advanced](Self::advance): for tests of delays, leases and ages. How long a [`Wait`] waits is not driven by it.
    #[must_use]
    pub fn with_clock(now_ms: u64) -> Arc<Self> {
        Arc::new(Self::new("memory://".to_owned(), Clock::hand(now_ms)))
    }

    /// Puts the clock of a broker made by [`with_clock`](Self::with_clock) forward, and wakes a worker of each queue
    /// where a message has become due. Does not change a real clock.
    pub fn advance(&self, by: Duration) {
        self.inner.clock.advance(by);
        let now_ms = self.inner.clock.now_ms();
        let due: Vec<_> = lock(&self.inner.queues)
            .iter()
            .filter(|(_, queue)| queue.has_due(now_ms))
            .map(|(name, _)| name.clone())
            .collect();
        for name in &due {
            self.wake(name);
        }
    }

    /// Raises or lowers the flag that calls for the full scripts: there are tracked messages.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn flag_tracked(&self, queue: &QueueName, raised: bool) {
        self.change_existing(queue, |queue, _| (queue.flag(state::Flag::Tracked, raised), false));
    }

    fn new(address: String, clock: Clock) -> Self {
        Self { inner: Arc::new(Inner { address, clock, queues: Mutex::default(), wakes: Mutex::default() }) }
    }

    /// Applies a transition to a queue, which exists from now on, at the time the clock shows then.
    fn change<T>(&self, queue: &QueueName, transition: impl FnOnce(&mut Queue, u64) -> (T, bool)) -> T {
        let (result, wake) = {
            let mut queues = lock(&self.inner.queues);
            // Read under the lock, so that time never runs backwards from one transition to the next.
            let now_ms = self.inner.clock.now_ms();
            transition(queues.entry(queue.clone()).or_default(), now_ms)
        };
        if wake {
            self.wake(queue);
        }
        result
    }

    /// Applies a transition to a queue, if it exists: asking about a queue does not make one.
    fn change_existing<T: Default>(
        &self,
        queue: &QueueName,
        transition: impl FnOnce(&mut Queue, u64) -> (T, bool),
    ) -> T {
        if !lock(&self.inner.queues).contains_key(queue) {
            return T::default();
        }
        self.change(queue, transition)
    }

    /// Reads a queue, if it exists.
    fn read<T: Default>(&self, queue: &QueueName, read: impl FnOnce(&Queue) -> T) -> T {
        lock(&self.inner.queues).get(queue).map(read).unwrap_or_default()
    }

    /// Wakes one of those who wait for this queue, or the next to come.
    fn wake(&self, queue: &QueueName) {
        self.bell(queue).notify_one();
    }

    fn bell(&self, queue: &QueueName) -> Arc<Notify> {
        Arc::clone(lock(&self.inner.wakes).entry(queue.clone()).or_default())
    }

    fn refuse(&self, call: &'static str, what: &str, number: usize, limit: usize) -> Result<(), BrokerError> {
        if number <= limit {
            return Ok(());
        }
        let reason = format!("{number} {what} in one call; split them, at most {limit} are allowed");
        Err(BrokerError::Refused { address: self.inner.address.clone(), call, reason })
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    fn address(&self) -> &str {
        &self.inner.address
    }

    async fn dedicated(&self) -> Result<Arc<dyn Broker>, BrokerError> {
        Ok(Arc::new(self.clone()))
    }

    /// Does nothing: others may hold the same broker.
    async fn close(&self) {}
}

#[async_trait]
impl Produce for MemoryBroker {
    async fn publish(&self, bulk: &Publish) -> Result<Published, BrokerError> {
        self.refuse("publish", "entries", bulk.entries.len(), Publish::MAX_ENTRIES)?;
        self.change(&bulk.queue, |queue, now_ms| match queue.publish(bulk, now_ms) {
            Ok((answers, wake)) => (Ok(Published { answers }), wake),
            Err(Full { limit }) => (Err(BrokerError::QueueFull { queue: bulk.queue.to_string(), limit }), false),
        })
    }
}

#[async_trait]
impl Consume for MemoryBroker {
    async fn prove(&self, _queue: &QueueName) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn turn(&self, turn: &Turn) -> Result<TurnReply, BrokerError> {
        self.refuse("turn", "settlements", turn.settlements.len(), Turn::MAX_SETTLEMENTS)?;
        self.change(&turn.queue, |queue, now_ms| queue.turn(turn, now_ms)).ok_or_else(|| BrokerError::Protocol {
            address: self.inner.address.clone(),
            call: "turn",
            reason: format!("turn {} of {} came after a later one", turn.sequence, turn.worker),
        })
    }

    fn waits(&self, queues: &[QueueName]) -> Vec<Box<dyn Wait>> {
        if queues.is_empty() {
            return Vec::new();
        }
        let bells = queues.iter().map(|queue| self.bell(queue)).collect();
        vec![Box::new(MemoryWait::new(queues.to_vec(), bells))]
    }

    async fn renew_with(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        lease: Duration,
        process: Option<&ProcessState>,
    ) -> Result<Renewal, BrokerError> {
        Ok(self.change_existing(queue, |queue, now_ms| (queue.renew(worker, lease, process, now_ms), false)))
    }

    async fn recover(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        recovery: Recovery,
    ) -> Result<Recovered, BrokerError> {
        Ok(self.change_existing(queue, |queue, now_ms| queue.recover(worker, recovery, now_ms)))
    }
}

#[async_trait]
impl Admin for MemoryBroker {
    async fn queues(&self) -> Result<Vec<QueueName>, BrokerError> {
        Ok(lock(&self.inner.queues).keys().cloned().collect())
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, BrokerError> {
        Ok(self.read(queue, Queue::stats))
    }

    async fn dead_letters(&self, queue: &QueueName, offset: u64, limit: u64) -> Result<Vec<DeadLetter>, BrokerError> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit.min(1_000)).unwrap_or(usize::MAX);
        Ok(self.read(queue, |queue| queue.dead.latest().skip(offset).take(limit).cloned().collect()))
    }

    async fn dead_letter(&self, queue: &QueueName, id: MessageId) -> Result<Option<DeadLetter>, BrokerError> {
        Ok(self.read(queue, |queue| queue.dead.get(id).cloned()))
    }

    async fn replay(&self, queue: &QueueName, id: MessageId, payload: Bytes) -> Result<bool, BrokerError> {
        Ok(self.change_existing(queue, |queue, _| {
            let found = queue.replay(id, payload);
            (found, found)
        }))
    }

    async fn clear(&self, queue: &QueueName, limit: u64) -> Result<u64, BrokerError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.change_existing(queue, |queue, _| (queue.clear(limit), false)))
    }

    async fn delete_dead(&self, queue: &QueueName, id: MessageId) -> Result<bool, BrokerError> {
        Ok(self.change_existing(queue, |queue, _| (queue.dead.remove(id).is_some(), false)))
    }

    async fn process_records(&self, queue: &QueueName) -> Result<Vec<ProcessRecord>, BrokerError> {
        Ok(self.change_existing(queue, |queue, now_ms| (queue.process_records(now_ms), false)))
    }

    async fn ask_process(&self, queue: &QueueName, process: &ProcessId, ask: Ask) -> Result<bool, BrokerError> {
        Ok(self.change_existing(queue, |queue, now_ms| (queue.ask_process(process, ask, now_ms), false)))
    }
}

/// A transition that panicked would have left the data as it was up to then; the others go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{DeadLimits, Entry, ProducerId};
    use crate::message::Due;

    #[tokio::test]
    async fn a_clock_driven_by_hand_makes_messages_due_and_wakes() {
        let broker = MemoryBroker::with_clock(1_000);
        let queue = QueueName::new("q").unwrap();
        let entry = Entry { payload: Bytes::from_static(b"x"), due: Due::After(Duration::from_secs(3_600)) };
        let (producer, entries) = (ProducerId::new(), vec![entry]);
        broker.publish(&Publish::new(queue.clone(), producer, 1, entries)).await.unwrap();
        let mut turn = Turn {
            queue: queue.clone(),
            worker: WorkerId::new(),
            sequence: 1,
            lease: Duration::from_secs(8),
            settlements: Vec::new(),
            want: 1,
            backlog: false,
            full: false,
            discarded: 0,
            dead_limits: DeadLimits::default(),
        };
        let early = broker.turn(&turn).await.unwrap();
        assert_eq!((early.taken.len(), early.next_due), (0, Some(Duration::from_secs(3_600))));

        let mut wait = broker.waits(&[queue]).remove(0);
        assert!(wait.wait(Duration::MAX).await.unwrap().is_some(), "the publish itself");
        broker.advance(Duration::from_secs(3_600));
        assert!(wait.wait(Duration::MAX).await.unwrap().is_some(), "the due time");
        turn.sequence = 2;
        let due = broker.turn(&turn).await.unwrap();
        assert_eq!((due.taken.len(), due.now_ms), (1, 3_601_000));
    }

    #[test]
    fn a_name_is_one_broker_and_private_ones_are_apart() {
        assert!(std::ptr::addr_eq(Arc::as_ptr(&MemoryBroker::named("one")), Arc::as_ptr(&MemoryBroker::named("one")),));
        assert_eq!(MemoryBroker::named("one").address(), "memory://one");
        assert!(!std::ptr::addr_eq(Arc::as_ptr(&MemoryBroker::private()), Arc::as_ptr(&MemoryBroker::private())));
    }
}
