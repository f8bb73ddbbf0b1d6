//! Random lives of a queue: whatever publishers, workers, recoveries and repairs do, every message stays in exactly one
//! place until it is done.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use std::time::Duration;

use super::*;
use crate::broker::{DeadLimits, Delivered, Entry, Publish, Recovery, Turn, TurnReply};
use crate::message::{DeadLetter, DeadReason, Due, QueueName};

#[derive(Debug, Clone)]
enum Step {
    Publish { producer: usize, repeat: bool, entries: Vec<(bool, u16)> },
    Turn { worker: usize, repeat: bool, settle: Vec<(u8, usize)>, want: usize, max_dead: u64 },
    Renew { worker: usize },
    Recover { worker: usize, leaving: bool },
    Advance { ms: u64 },
    Replay { nth: usize },
    Delete { nth: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let entries = vec((any::<bool>(), prop_oneof![Just(0), 0..500_u16]), 0..5);
    let settle = vec((0..5_u8, 0..8_usize), 0..5);
    prop_oneof![
        4 => (0..2_usize, prop::bool::weighted(0.2), entries)
            .prop_map(|(producer, repeat, entries)| Step::Publish { producer, repeat, entries }),
        8 => (0..3_usize, prop::bool::weighted(0.2), settle, 0..6_usize, 1..5_u64)
            .prop_map(|(worker, repeat, settle, want, max_dead)| Step::Turn { worker, repeat, settle, want, max_dead }),
        1 => (0..3_usize).prop_map(|worker| Step::Renew { worker }),
        2 => (0..3_usize, prop::bool::weighted(0.2)).prop_map(|(worker, leaving)| Step::Recover { worker, leaving }),
        3 => (0..400_u64).prop_map(|ms| Step::Advance { ms }),
        1 => (0..4_usize).prop_map(|nth| Step::Replay { nth }),
        1 => (0..4_usize).prop_map(|nth| Step::Delete { nth }),
    ]
}

/// What one worker believes: its incarnation, its last turn, and every message it was ever given.
struct Believer {
    id: WorkerId,
    last: Option<(Turn, TurnReply)>,
    given: Vec<Delivered>,
}

impl Believer {
    fn new() -> Self {
        Self { id: WorkerId::new(), last: None, given: Vec::new() }
    }
}

/// The queue, those who use it, and what must be left of what they put in.
struct World {
    queue: Queue,
    now_ms: u64,
    producers: Vec<(ProducerId, Option<Publish>)>,
    workers: Vec<Believer>,
    published: u32,
    deleted: u64,
}

impl World {
    fn new() -> Self {
        Self {
            queue: Queue::default(),
            now_ms: 1_000_000,
            producers: (0..2).map(|_| (ProducerId::new(), None)).collect(),
            workers: (0..3).map(|_| Believer::new()).collect(),
            published: 0,
            deleted: 0,
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Publish { producer, repeat, entries } => self.publish(producer, repeat, entries),
            Step::Turn { worker, repeat, settle, want, max_dead } => {
                self.turn(worker, repeat, settle, want, max_dead);
            }
            Step::Renew { worker } => {
                let id = self.workers[worker].id.clone();
                self.queue.renew(&id, LEASE, None, self.now_ms);
            }
            Step::Recover { worker, leaving } => {
                let recovery = if leaving { Recovery::Leaving } else { Recovery::Expired };
                let id = self.workers[worker].id.clone();
                self.queue.recover(&id, recovery, self.now_ms);
            }
            Step::Advance { ms } => self.now_ms += ms,
            Step::Replay { nth } => {
                let letter = self.queue.dead.latest().nth(nth).cloned();
                if let Some(letter) = letter {
                    assert!(self.queue.replay(letter.id, letter.payload.clone()));
                    assert!(!self.queue.replay(letter.id, letter.payload), "a letter is replayed once");
                }
            }
            Step::Delete { nth } => {
                let id = self.queue.dead.latest().nth(nth).map(|letter| letter.id);
                self.deleted += u64::from(id.is_some_and(|id| self.queue.dead.remove(id).is_some()));
            }
        }
    }

    fn publish(&mut self, producer: usize, repeat: bool, entries: Vec<(bool, u16)>) {
        let (id, last) = &mut self.producers[producer];
        if repeat {
            if let Some(last) = last {
                self.queue.publish(last, self.now_ms).unwrap();
            }
            return;
        }
        let mut entry = |(envelope, delay): (bool, u16)| {
            self.published += 1;
            let due = Due::After(Duration::from_millis(delay.into()));
            Entry { payload: payload(self.published, envelope), due }
        };
        let sequence = last.as_ref().map_or(1, |last| last.sequence + 1);
        let bulk = Publish::new(queue_name(), *id, sequence, entries.into_iter().map(&mut entry).collect());
        self.queue.publish(&bulk, self.now_ms).unwrap();
        *last = Some(bulk);
    }

    fn turn(&mut self, worker: usize, repeat: bool, settle: Vec<(u8, usize)>, want: usize, max_dead: u64) {
        let believer = &mut self.workers[worker];
        if repeat {
            if let Some((turn, first)) = &mut believer.last {
                let held = |queue: &Queue| queue.workers.get(&turn.worker).map(|holder| holder.active.clone());
                let before = held(&self.queue);
                let again = self.queue.turn(turn, self.now_ms).0.unwrap();
                // The repeat of a first turn registers anew where the worker has left meanwhile; its places begin anew.
                if before.is_some() {
                    assert_eq!(held(&self.queue), before, "a repeat neither settles nor takes");
                    assert!(again.taken.iter().all(|delivered| first.taken.contains(delivered)));
                } else {
                    believer.given = again.taken.clone();
                    *first = again;
                }
            }
            return;
        }
        let settlements = settle.into_iter().filter_map(|(how, nth)| {
            // The same message may come up twice, and long after it has left this worker's hands.
            let given = believer.given.iter().rev().nth(nth)?;
            let payload = given.payload.clone();
            Some(match how {
                0 | 1 => given.done(),
                2 => given.retry(payload, Duration::from_millis(50)),
                3 => given.hand_back(payload),
                _ => given.dead(DeadLetter::new(given.id, DeadReason::Failed, "", 1, payload)),
            })
        });
        let turn = Turn {
            queue: queue_name(),
            worker: believer.id.clone(),
            sequence: believer.last.as_ref().map_or(1, |(last, _)| last.sequence + 1),
            lease: LEASE,
            settlements: settlements.collect(),
            want,
            backlog: false,
            full: false,
            discarded: 0,
            dead_limits: DeadLimits::new(max_dead, Duration::from_secs(3_600)),
        };
        let reply = self.queue.turn(&turn, self.now_ms).0.unwrap();
        assert!(reply.taken.len() <= want);
        if reply.lost {
            assert!(reply.taken.is_empty());
            *believer = Believer::new();
        } else {
            believer.given.extend(reply.taken.iter().cloned());
            believer.last = Some((turn, reply));
        }
    }

    /// Every message is in exactly one place, or it has left the queue in a way that was counted.
    fn check(&self) {
        let queue = &self.queue;
        let active = queue.workers.values().flat_map(|holder| holder.active.values());
        let dead = queue.dead.latest().map(|letter| &letter.payload);
        let mut places = BTreeMap::<u32, u32>::new();
        for payload in
            queue.ready.iter().chain(queue.scheduled.iter().map(|(_, payload)| payload)).chain(active).chain(dead)
        {
            *places.entry(number(payload)).or_default() += 1;
        }
        assert!(places.values().all(|times| *times == 1), "more than one place: {places:?}");

        let stats = queue.stats();
        assert_eq!(stats.ready + stats.scheduled + stats.active + stats.dead, count(places.len()));
        let gone = stats.counts.done + stats.counts.trimmed + self.deleted;
        assert_eq!(count(places.len()) + gone, u64::from(self.published));
    }

    /// Time passes, everyone else dies, and one last worker finishes what is there.
    fn finish(&mut self) {
        self.now_ms += 1_000_000;
        for worker in self.queue.workers.keys().cloned().collect::<Vec<_>>() {
            while self.queue.recover(&worker, Recovery::Expired, self.now_ms).0.more {}
        }
        self.workers[0] = Believer::new();
        while self.queue.stats().ready + self.queue.stats().scheduled > 0 {
            self.turn(0, false, Vec::new(), 5, u64::MAX);
            let settle = (0..5).map(|nth| (0, nth)).collect();
            self.turn(0, false, settle, 0, u64::MAX);
        }
        let stats = self.queue.stats();
        assert_eq!((stats.active, stats.scheduled, stats.ready), (0, 0, 0));
        self.check();
    }
}

const LEASE: Duration = Duration::from_millis(300);

fn queue_name() -> QueueName {
    QueueName::new("q").unwrap()
}

/// Bytes that end in the number by which the message is told apart.
fn payload(number: u32, envelope: bool) -> Bytes {
    let mut bytes = Vec::new();
    if envelope {
        bytes.extend([0x92, 1, 0xc4, 16]);
        bytes.extend(u128::from(number).to_be_bytes());
    }
    bytes.extend(number.to_be_bytes());
    bytes.into()
}

fn number(payload: &Bytes) -> u32 {
    u32::from_be_bytes(*payload.last_chunk().unwrap())
}

proptest! {
    #[test]
    fn every_message_is_in_exactly_one_place(steps in vec(step(), 1..80)) {
        let mut world = World::new();
        for step in steps {
            world.apply(step);
            world.check();
        }
        world.finish();
    }
}

#[test]
fn two_messages_of_one_id_do_not_push_each_other_out() {
    let mut world = World::new();
    let twice = Entry { payload: payload(1, true), due: Due::Now };
    let producer = ProducerId::new();
    let bulk = Publish::new(queue_name(), producer, 1, vec![twice.clone(), twice]);
    world.queue.publish(&bulk, 0).unwrap();
    world.turn(0, false, Vec::new(), 5, 1);
    assert_eq!(world.queue.stats().active, 2);
    world.turn(0, false, vec![(0, 0), (0, 1)], 0, 1);
    assert_eq!(world.queue.stats().counts.done, 2);
}
