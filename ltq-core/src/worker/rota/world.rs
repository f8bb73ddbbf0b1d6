//! A small world for the rota: workers that do what it says, a broker that counts, and a time that only events move.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::*;

/// Longer than whatever is bounded to 100 ms may last. What a broken promise would leave to the end of a wait is found out
/// here, since no wait ends by itself.
pub(super) const SOON: Duration = Duration::from_millis(100);

/// What is drawn.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// How long a run takes, by queue.
    pub(super) runs: Vec<Duration>,
    /// How long a turn takes, half of it on the way there.
    pub(super) round_trip: Duration,
    /// Slots and messages taken ahead, by worker.
    pub(super) workers: Vec<(usize, usize)>,
    pub(super) turns_at_once: usize,
}

/// Messages that are sent: when, to which queue, how many, due how much later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) at: Duration,
    pub(super) queue: usize,
    pub(super) count: usize,
    pub(super) delay: Duration,
}

pub(super) struct World {
    setting: Setting,
    start: Instant,
    now: Duration,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    next_event: u64,
    queues: Vec<Queue>,
    workers: Vec<Worker>,
    /// What started: when, at which worker, of which queue.
    pub(super) started: Vec<(Duration, usize, usize)>,
    /// The longest time for which nothing was taken although a message was there and a worker had a free slot.
    pub(super) idled: Duration,
    /// How many messages turns have taken at once, at most beyond what their worker may have.
    pub(super) excess: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Send(usize, usize, Duration),
    /// A turn of a worker is at the broker.
    Turn(usize, usize, u64, usize),
    Reply(usize, usize, u64, usize, usize, bool, Option<Duration>),
    Ran(usize),
    Woken(usize, usize),
    /// A worker asked to look again.
    Look(usize),
    /// Nothing but time passes.
    Due,
}

#[derive(Default)]
struct Queue {
    ready: usize,
    scheduled: BTreeSet<(Duration, u64)>,
    token: bool,
    /// Workers that wait for the token.
    waits: VecDeque<usize>,
    /// Since when something is there although a worker has a free slot.
    idle_since: Option<Duration>,
}

struct Worker {
    rota: Rota,
    slots: usize,
    ahead: usize,
    running: usize,
    /// Messages at hand that wait for a slot, by queue.
    waiting: Vec<usize>,
    lines: Shares,
    /// Whether there is something to tell, by queue.
    news: Vec<bool>,
    /// Whether a wait is in progress, by queue.
    waits: Vec<bool>,
}

impl World {
    pub(super) fn new(setting: Setting, sent: &[Sent]) -> Self {
        let (start, count) = (Instant::now(), setting.runs.len());
        let workers = setting.workers.iter().map(|(slots, ahead)| Worker {
            rota: Rota { turns_at_once: setting.turns_at_once, ..Rota::new(count, start) },
            slots: *slots,
            ahead: *ahead,
            running: 0,
            waiting: vec![0; count],
            lines: Shares::new(count),
            news: vec![false; count],
            waits: vec![false; count],
        });
        let mut world = Self {
            workers: workers.collect(),
            start,
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            next_event: 0,
            queues: (0..count).map(|_| Queue::default()).collect(),
            started: Vec::new(),
            idled: Duration::ZERO,
            excess: 0,
            setting,
        };
        for sent in sent {
            world.event(sent.at, Event::Send(sent.queue, sent.count, sent.delay));
        }
        (0..world.workers.len()).for_each(|worker| world.event(Duration::ZERO, Event::Look(worker)));
        world
    }

    /// Goes on until nothing happens any more, or until that time.
    pub(super) fn run(&mut self, until: Duration) {
        while let Some(Reverse((at, _, event))) = self.events.pop()
            && at <= until
        {
            self.now = at;
            self.happens(event);
            self.watch();
        }
    }

    /// How many messages have not been taken.
    pub(super) fn left(&self) -> usize {
        self.queues.iter().map(|queue| queue.ready + queue.scheduled.len()).sum()
    }

    fn event(&mut self, at: Duration, event: Event) {
        self.events.push(Reverse((at, self.next_event, event)));
        self.next_event += 1;
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Send(queue, count, delay) => self.sent(queue, count, delay),
            Event::Turn(worker, queue, ticket, want) => self.turn(worker, queue, ticket, want),
            Event::Reply(worker, queue, ticket, want, taken, more, next_due) => {
                let told = Told { more, next_due, message_bytes: None };
                let now = self.start + self.now;
                let this = &mut self.workers[worker];
                this.rota.ended(Ask { queue, ticket, want }, Some(told), now);
                this.waiting[queue] += taken;
                this.lines.set_competes(queue, this.waiting[queue] > 0);
                let room = (this.slots + this.ahead).saturating_sub(this.running);
                self.excess = self.excess.max(this.waiting.iter().sum::<usize>().saturating_sub(room));
                self.step(worker);
            }
            Event::Ran(worker) => {
                self.workers[worker].running -= 1;
                self.step(worker);
            }
            Event::Woken(worker, queue) => {
                let now = self.start + self.now;
                self.workers[worker].waits[queue] = false;
                self.workers[worker].rota.woken(queue, now);
                self.step(worker);
            }
            Event::Look(worker) => self.step(worker),
            Event::Due => {}
        }
    }

    fn sent(&mut self, index: usize, count: usize, delay: Duration) {
        let queue = &mut self.queues[index];
        let mut alarm = delay.is_zero();
        if delay.is_zero() {
            queue.ready += count;
        } else {
            let due = self.now + delay;
            alarm = queue.scheduled.first().is_none_or(|(first, _)| due < *first);
            let number = self.next_event;
            queue.scheduled.extend((0..count as u64).map(|nth| (due, 1_000 * number + nth)));
            self.event(due, Event::Due);
        }
        if alarm {
            self.push_token(index);
        }
    }

    /// The broker's side of a turn.
    fn turn(&mut self, worker: usize, index: usize, ticket: u64, want: usize) {
        let queue = &mut self.queues[index];
        while queue.scheduled.first().is_some_and(|(due, _)| *due <= self.now) {
            queue.scheduled.pop_first();
            queue.ready += 1;
        }
        let taken = want.min(queue.ready);
        queue.ready -= taken;
        if taken > 0 {
            queue.idle_since = None;
        }
        let more = queue.ready > 0;
        let next_due = queue.scheduled.first().map(|(due, _)| *due - self.now);
        if more {
            self.push_token(index);
        }
        let back = self.now + self.setting.round_trip / 2;
        self.event(back, Event::Reply(worker, index, ticket, want, taken, more, next_due));
    }

    fn push_token(&mut self, index: usize) {
        self.queues[index].token = true;
        self.give_token(index);
    }

    fn give_token(&mut self, index: usize) {
        let queue = &mut self.queues[index];
        if queue.token
            && let Some(worker) = queue.waits.pop_front()
        {
            queue.token = false;
            self.event(self.now + self.setting.round_trip / 2, Event::Woken(worker, index));
        }
    }

    /// What the fetch loop of a worker does after each event.
    fn step(&mut self, index: usize) {
        let now = self.start + self.now;
        let worker = &mut self.workers[index];
        while worker.running < worker.slots
            && let Some(queue) = worker.lines.next(|_| true)
        {
            worker.running += 1;
            worker.waiting[queue] -= 1;
            worker.lines.set_competes(queue, worker.waiting[queue] > 0);
            worker.news[queue] = true;
            self.started.push((self.now, index, queue));
            let ran = self.now + self.setting.runs[queue];
            self.events.push(Reverse((ran, self.next_event, Event::Ran(index))));
            self.next_event += 1;
        }
        let hands = Hands {
            takes: true,
            most: worker.slots + worker.ahead,
            held: worker.running + worker.waiting.iter().sum::<usize>(),
            waiting: &worker.waiting,
            plenty: worker.ahead / 2,
        };
        let asks = worker.rota.plan(now, &hands, |queue| worker.news[queue]).to_vec();
        for ask in &asks {
            worker.news[ask.queue] = false;
        }
        let look_at = worker.rota.look_at().map(|at| at - self.start);
        let listens: Vec<_> =
            (0..worker.waits.len()).filter(|queue| !worker.waits[*queue] && worker.rota.listens(*queue, now)).collect();
        for Ask { queue, ticket, want } in asks {
            self.event(self.now + self.setting.round_trip / 2, Event::Turn(index, queue, ticket, want));
        }
        if let Some(at) = look_at {
            self.event(at.max(self.now), Event::Look(index));
        }
        for queue in listens {
            self.workers[index].waits[queue] = true;
            self.queues[queue].waits.push_back(index);
            self.give_token(queue);
        }
    }

    /// Measures how long a message is there while a worker has a free slot and no turn that brings something.
    fn watch(&mut self) {
        let free =
            self.workers.iter().any(|worker| worker.running + worker.waiting.iter().sum::<usize>() < worker.slots);
        for queue in &mut self.queues {
            let there = queue.ready > 0 || queue.scheduled.first().is_some_and(|(due, _)| *due <= self.now);
            if let Some(since) = queue.idle_since {
                self.idled = self.idled.max(self.now - since);
            }
            queue.idle_since = (there && free).then(|| queue.idle_since.unwrap_or(self.now));
        }
    }
}
