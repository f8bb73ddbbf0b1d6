//! [`World`]: one queue on both brokers, those who use it, and what must be left of what they put in.

mod heartbeats;

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{HashesInterface, ListInterface};
use futures_util::future::join;
use ltq_core::broker::memory::MemoryBroker;
use ltq_core::broker::redis::RedisBroker;
use ltq_core::broker::{
    Admin, Consume, DeadLimits, Delivered, Entry, Place, Produce, ProducerId, Publish, Recovery, Settlement, Turn,
    TurnReply, Wait, WorkerId,
};
use ltq_core::message::{DeadLetter, DeadReason, Due, QueueName};

use super::payload::{number, payload, rewritten};
use super::places::Places;
use super::steps::{How, Kind, Number, Sent, Step, When};

const LEASE: Duration = Duration::from_millis(300);

type Checked = Result<(), String>;

/// Both brokers, and a connection that looks at Redis without one.
pub(super) struct Brokers {
    pub(super) memory: Arc<MemoryBroker>,
    pub(super) redis: Arc<RedisBroker>,
    pub(super) bare: Client,
    /// What both clocks show.
    pub(super) now_ms: Cell<u64>,
}

/// One worker: its present name, its last turn, and every message it was ever given.
struct Hand {
    id: WorkerId,
    names: u32,
    last: Option<Turn>,
    given: Vec<Delivered>,
}

pub(super) struct World<'a> {
    brokers: &'a Brokers,
    queue: QueueName,
    producers: Vec<(ProducerId, Option<Publish>)>,
    workers: Vec<Hand>,
    sent: Vec<Bytes>,
    /// Messages that went into the queue, and those that left it without being counted there.
    entered: u64,
    left: u64,
    /// Whether some of the messages have the same bytes, so that they cannot be told apart.
    alike: bool,
    token: bool,
}

impl<'a> World<'a> {
    pub(super) fn new(brokers: &'a Brokers, life: u64) -> Self {
        Self {
            brokers,
            queue: QueueName::new(&format!("q{life}")).unwrap(),
            producers: (0..2).map(|_| (ProducerId::new(), None)).collect(),
            workers: (0..3).map(Hand::new).collect(),
            sent: Vec::new(),
            entered: 0,
            left: 0,
            alike: false,
            token: false,
        }
    }

    pub(super) async fn apply(&mut self, step: &Step) -> Checked {
        match step {
            Step::Publish { producer, number, entries } => self.publish(*producer, *number, entries).await?,
            Step::PublishMany { producer, count, delay_ms } => {
                let sent = Sent { kind: Kind::Envelope, due: When::AfterMicros(delay_ms * 1_000) };
                self.publish(*producer, Number::Next, &vec![sent; *count]).await?;
            }
            Step::Turn { worker, number, settle, want, limits, discarded } => {
                let settlements = settle.iter().filter_map(|(how, nth)| self.settlement(*worker, *how, *nth)).collect();
                self.turn(*worker, *number, settlements, *want, *limits, *discarded).await?;
            }
            Step::LargeTurn { worker, end, want, most_dead } => {
                let count = self.workers[*worker].given.len().min(Turn::MAX_SETTLEMENTS);
                let settle = |how: &How| (0..count).filter_map(|nth| self.settlement(*worker, *how, nth)).collect();
                let settlements = end.iter().next().map(settle).unwrap_or_default();
                self.turn(*worker, Number::Next, settlements, *want, (*most_dead, 3_600_000), 0).await?;
            }
            Step::Renew { worker, lease_ms } => {
                let worker = self.workers[*worker].id.clone();
                self.renew(&worker, Duration::from_millis(*lease_ms)).await?;
            }
            Step::Recover { worker, leaving } => {
                let recovery = if *leaving { Recovery::Leaving } else { Recovery::Expired };
                let worker = self.workers[*worker].id.clone();
                self.recover(&worker, recovery).await?;
            }
            Step::Heartbeat { worker } => {
                let worker = self.workers[*worker].id.clone();
                for expired in self.renew(&worker, LEASE).await? {
                    while self.recover(&expired, Recovery::Expired).await? {}
                }
            }
            Step::NewName { worker } => self.workers[*worker].rename(*worker),
            Step::Pass { micros } => self.pass(Duration::from_millis(micros.div_ceil(1_000))).await,
            Step::Replay { nth } => self.replay(*nth).await?,
            Step::Delete { nth } => self.delete(*nth).await?,
            Step::Clear { limit } => self.clear(*limit).await?,
            Step::Flag { raised } => self.flag(*raised).await,
            Step::TakeToken => {
                let token: Option<String> = self.brokers.bare.lpop(self.wake_key(), None).await.unwrap();
                same("a token", token.is_some(), self.token)?;
                self.token = false;
            }
        }
        self.compare().await
    }

    /// What both say about the queue must be the same after each step.
    async fn compare(&mut self) -> Checked {
        let (redis, memory, queue) = (&self.brokers.redis, &self.brokers.memory, &self.queue);
        let bare = async { self.brokers.bare.llen::<i64, _>(self.wake_key()).await.unwrap() };
        let (stats, tokens) = join(redis.stats(queue), bare).await;
        let stats = stats.unwrap();
        same("stats", stats, memory.stats(queue).await.unwrap())?;
        if stats.dead > 0 {
            let letters = redis.dead_letters(queue, 0, 20).await.unwrap();
            same("dead letters", letters, memory.dead_letters(queue, 0, 20).await.unwrap())?;
        }
        self.note_token().await;
        same("wake tokens", tokens, i64::from(self.token))
    }

    async fn publish(&mut self, producer: usize, number: Number, sent: &[Sent]) -> Checked {
        let (id, last) = (self.producers[producer].0, self.producers[producer].1.clone());
        let highest = last.as_ref().map_or(0, |last| last.sequence);
        let batch = match (number, last) {
            (Number::Repeat, None) => return Ok(()),
            (Number::Repeat, Some(last)) => last,
            _ => {
                let fresh = !matches!(number, Number::Old) || highest == 0;
                let sequence = match number {
                    Number::Skip => highest + 3,
                    _ if fresh => highest + 1,
                    _ => highest.div_ceil(2),
                };
                let entries: Vec<_> = sent.iter().map(|sent| self.entry(sent, fresh)).collect();
                // One of the producers asks what became of each entry.
                Publish { answered: producer == 1, ..Publish::new(self.queue.clone(), id, sequence, entries) }
            }
        };
        let (redis, memory) = join(self.brokers.redis.publish(&batch), self.brokers.memory.publish(&batch)).await;
        same("publish", redis.ok(), memory.ok())?;
        if batch.sequence > highest && !batch.entries.is_empty() {
            self.entered += u64::try_from(batch.entries.len()).unwrap();
            self.producers[producer].1 = Some(batch);
        }
        Ok(())
    }

    /// One message; `kept` says whether the queue will take it.
    fn entry(&mut self, sent: &Sent, kept: bool) -> Entry {
        let number = u32::try_from(self.sent.len()).unwrap();
        let again = match sent.kind {
            Kind::Again(nth) => self.sent.iter().rev().nth(nth).cloned(),
            Kind::Envelope | Kind::Garbage => None,
        };
        self.alike |= again.is_some() && kept;
        let payload = again.unwrap_or_else(|| payload(number, matches!(sent.kind, Kind::Garbage)));
        self.sent.push(payload.clone());
        let due = match sent.due {
            When::Now => Due::Now,
            When::AfterMicros(u64::MAX) => Due::After(Duration::MAX),
            When::AfterMicros(micros) => Due::After(Duration::from_micros(micros)),
            When::At(millis) => {
                let from_start = Duration::from_millis(self.brokers.now_ms.get().saturating_add_signed(millis));
                Due::At(SystemTime::UNIX_EPOCH + from_start)
            }
        };
        Entry { payload, due }
    }

    /// How a message that a worker was once given ends: held, settled long ago, or never heard of.
    fn settlement(&self, worker: usize, how: How, nth: usize) -> Option<Settlement> {
        // A place is the worker's own, so what others were given is not in its hands, wherever it says that is.
        let foreign = || {
            let given = self.workers.iter().flat_map(|worker| &worker.given).next()?;
            Some(Delivered { place: Place { turn: 1_000_000 + given.place.turn, ..given.place }, ..given.clone() })
        };
        let given = self.workers[worker].given.iter().rev().nth(nth).cloned().or_else(foreign)?;
        let payload = &given.payload;
        Some(match how {
            How::Done => given.done(),
            How::RetryMicros(micros) => given.retry(rewritten(payload), Duration::from_micros(micros)),
            How::Return => given.hand_back(rewritten(payload)),
            How::Dead => given.dead(DeadLetter::new(given.id, DeadReason::Failed, "no", 1, payload.clone())),
        })
    }

    async fn turn(
        &mut self,
        worker: usize,
        number: Number,
        settlements: Vec<Settlement>,
        want: usize,
        (most_dead, oldest_ms): (u64, u64),
        discarded: u64,
    ) -> Checked {
        let hand = &self.workers[worker];
        let last = hand.last.as_ref().map_or(0, |last| last.sequence);
        let sequence = match number {
            Number::Next => last + 1,
            Number::Skip => last + 2,
            Number::Old if last > 1 => last - 1,
            Number::Repeat | Number::Old => last.max(1),
        };
        let turn = match &hand.last {
            Some(last) if matches!(number, Number::Repeat) => last.clone(),
            _ => Turn {
                queue: self.queue.clone(),
                worker: hand.id.clone(),
                sequence,
                lease: LEASE,
                settlements,
                want,
                backlog: true,
                // Either script may be asked for, whatever the queue needs.
                full: sequence % 3 == 0,
                discarded,
                dead_limits: DeadLimits::new(most_dead, Duration::from_millis(oldest_ms)),
            },
        };
        let (redis, memory) = join(self.brokers.redis.turn(&turn), self.brokers.memory.turn(&turn)).await;
        let (redis, memory) = match (redis, memory) {
            // How the next messages may be taken is Redis' own affair.
            (Ok(redis), Ok(memory)) => (TurnReply { backlog: false, ..redis }, memory),
            (redis, memory) => return same("an old turn", redis.is_err(), memory.is_err()),
        };
        same("the reply of a turn", redis, memory.clone())?;
        self.took(worker, turn, memory);
        Ok(())
    }

    fn took(&mut self, worker: usize, turn: Turn, reply: TurnReply) {
        let hand = &mut self.workers[worker];
        let new: HashSet<_> = reply.taken.iter().map(|delivered| delivered.place).collect();
        hand.given.retain(|given| !new.contains(&given.place));
        hand.given.extend(reply.taken);
        hand.last = Some(turn);
    }

    async fn replay(&self, nth: usize) -> Checked {
        let Some(letter) = self.letter(nth).await else { return Ok(()) };
        for there in [true, false] {
            let (redis, memory) = (&self.brokers.redis, &self.brokers.memory);
            let (redis, memory) = join(
                redis.replay(&self.queue, letter.id, letter.payload.clone()),
                memory.replay(&self.queue, letter.id, letter.payload.clone()),
            )
            .await;
            same("replay", (redis.unwrap(), memory.unwrap()), (there, there))?;
        }
        Ok(())
    }

    async fn delete(&mut self, nth: usize) -> Checked {
        let Some(letter) = self.letter(nth).await else { return Ok(()) };
        for there in [true, false] {
            let (redis, memory) = (&self.brokers.redis, &self.brokers.memory);
            let (redis, memory) =
                join(redis.delete_dead(&self.queue, letter.id), memory.delete_dead(&self.queue, letter.id)).await;
            same("delete", (redis.unwrap(), memory.unwrap()), (there, there))?;
        }
        self.left += 1;
        Ok(())
    }

    async fn clear(&mut self, limit: u64) -> Checked {
        let (redis, memory) = (&self.brokers.redis, &self.brokers.memory);
        let (redis, memory) = join(redis.clear(&self.queue, limit), memory.clear(&self.queue, limit)).await;
        let (redis, memory) = (redis.unwrap(), memory.unwrap());
        same("clear", redis, memory)?;
        self.left += memory;
        Ok(())
    }

    async fn flag(&self, raised: bool) {
        // In memory a queue begins to exist with its first message.
        if self.entered == 0 {
            return;
        }
        self.brokers.memory.flag_tracked(&self.queue, raised);
        let notes = format!("{{ltq:{}}}:notes", self.queue);
        if raised {
            self.brokers.bare.hset::<(), _, _>(notes, ("t", "1")).await.unwrap();
        } else {
            self.brokers.bare.hdel::<(), _, _>(notes, "t").await.unwrap();
        }
    }

    async fn letter(&self, nth: usize) -> Option<DeadLetter> {
        let letters = self.brokers.memory.dead_letters(&self.queue, u64::try_from(nth).unwrap(), 1).await.unwrap();
        letters.into_iter().next()
    }

    /// Takes note of whether a worker in memory would be woken by what happened so far.
    async fn note_token(&mut self) {
        let woken = self.memory_wait().wait(Duration::ZERO).await.unwrap();
        self.token |= woken.is_some();
    }

    fn memory_wait(&self) -> Box<dyn Wait> {
        self.brokers.memory.waits(std::slice::from_ref(&self.queue)).remove(0)
    }

    async fn pass(&mut self, time: Duration) {
        self.note_token().await;
        self.brokers.now_ms.set(self.brokers.now_ms.get() + u64::try_from(time.as_millis()).unwrap());
        self.brokers.redis.advance(time);
        self.brokers.memory.advance(time);
        // Workers of Redis have a timer of their own for what becomes due.
        let _ = self.memory_wait().wait(Duration::ZERO).await;
    }

    /// Time passes, everyone dies, and one last worker finishes what is there.
    pub(super) async fn finish(&mut self) -> Checked {
        self.check_places().await?;
        self.pass(LEASE * 2).await;
        let last = WorkerId::from_name("last");
        loop {
            let expired = self.renew(&last, LEASE).await?;
            for worker in &expired {
                while self.recover(worker, Recovery::Expired).await? {}
            }
            if expired.is_empty() {
                break;
            }
        }
        self.workers[0] = Hand { id: last, names: 0, last: None, given: Vec::new() };
        let (keep, mut due_in_centuries) = ((u64::MAX, 1 << 43), false);
        loop {
            let stats = self.brokers.memory.stats(&self.queue).await.unwrap();
            if stats.ready + stats.scheduled + stats.active == 0 {
                break;
            }
            if stats.ready == 0 && stats.active == 0 {
                self.pass(Duration::from_secs(1)).await;
            }
            if due_in_centuries {
                self.apply(&Step::Clear { limit: 500 }).await?;
            }
            due_in_centuries = stats.ready + stats.active == 0;
            self.turn(0, Number::Next, Vec::new(), 1_000, keep, 0).await?;
            let given: Vec<_> = self.workers[0].given.drain(..).collect();
            let done: Vec<_> = given.iter().map(Delivered::done).collect();
            self.turn(0, Number::Next, done, 0, keep, 0).await?;
        }
        self.compare().await?;
        self.check_places().await
    }

    async fn check_places(&self) -> Checked {
        let counts = self.brokers.redis.stats(&self.queue).await.unwrap().counts;
        let places = Places::read(&self.brokers.bare, self.queue.as_str()).await;
        let gone = counts.done + counts.trimmed + self.left;
        places.check(self.entered.saturating_sub(gone), number, self.alike)
    }

    fn wake_key(&self) -> String {
        format!("{{ltq:{}}}:wake", self.queue)
    }
}

impl Hand {
    fn new(index: usize) -> Self {
        Self { id: WorkerId::from_name(&format!("w{index}-0")), names: 0, last: None, given: Vec::new() }
    }

    fn rename(&mut self, index: usize) {
        self.names += 1;
        self.id = WorkerId::from_name(&format!("w{index}-{}", self.names));
        self.last = None;
    }
}

#[expect(clippy::needless_pass_by_value, reason = "most are made for this call")]
fn same<T: PartialEq + Debug>(what: &str, redis: T, memory: T) -> Checked {
    if redis == memory { Ok(()) } else { Err(format!("{what}\n   Redis: {redis:?}\n  memory: {memory:?}")) }
}
