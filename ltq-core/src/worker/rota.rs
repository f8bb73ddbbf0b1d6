//! [`Rota`]: which queue is asked, for how many messages, and when to look again.
//!
//! It is fed with what replies, wakes and time say, and holds nothing else: no broker, no connection, no clock. Its promise:
//! queues that have something get equal shares of the slots that become free, so that of `n` such queues each is served by
//! the `n`th slot at the latest. A queue whose turn is under way keeps its share until the reply is there; otherwise the
//! others would take what it could not ask for.
//!
//! What a worker knows and cannot use it passes on: a token it took, or a due time that comes while it is full, is
//! followed by a turn that takes nothing. Such a turn makes due messages ready and wakes an idle worker if some are left.
//!
//! Next: `worker/served.rs` makes the turns.

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::time::Duration;

use tokio::time::Instant;

use super::ahead::Ahead;
use super::shares::Shares;
use crate::broker::{Turn, TurnReply};

/// How many turns of one queue may be under way.
const TURNS_AT_ONCE: usize = 1;
/// One turn takes no more than about this many bytes, judged by the messages of the last one: more would hold up the
/// connection for long, and be out of the processor's caches before it is read.
const TURN_BYTES: usize = 1024 * 1024;
/// A turn that takes longer has met trouble. What it may bring is no longer reserved, so that the other queues go on.
const TROUBLE: Duration = Duration::from_millis(250);
/// How long a token is kept without a slot for its message, where one is about to become free.
const HOLD: Duration = Duration::from_millis(5);
/// Where a slot became free within this time, the next one is about to.
const BRISK: Duration = Duration::from_millis(10);
/// How much later than due a worker without a slot looks: whoever is idle and knows the time too comes first.
const GRACE: Duration = Duration::from_millis(20);
/// How often at most a worker without a slot looks because something is due. With [`GRACE`] and a few round trips it keeps
/// the promise that an idle worker looks within 100 ms of a due time.
const PAUSE: Duration = Duration::from_millis(50);

/// What this worker knows of its queues, which are known by their index.
#[derive(Debug)]
pub(super) struct Rota {
    queues: Vec<Known>,
    shares: Shares,
    turns_at_once: usize,
    next_ticket: u64,
    /// What the last plan asks for.
    asks: Vec<Ask>,
    /// How many more messages could be taken after the last plan.
    left: usize,
    /// Whether the last plan took messages at all.
    takes: bool,
    /// Whether a queue would have taken more in the last plan.
    claimed: bool,
    /// When there was last room for a message.
    had_room_at: Instant,
    /// When the next plan is due, if nothing happens before.
    look_at: Option<Instant>,
}

/// A turn that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    /// Of which queue.
    pub(super) queue: usize,
    /// What its end is reported by.
    pub(super) ticket: u64,
    /// How many messages to take.
    pub(super) want: usize,
}

/// What the worker has in its hands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hands<'a> {
    /// Whether it takes messages. One that stops only passes on what it knows.
    pub(super) takes: bool,
    /// How many messages it may have: one for each slot, and those it may take ahead.
    pub(super) most: usize,
    /// How many it has.
    pub(super) held: usize,
    /// How many of these wait for a slot, by queue.
    pub(super) waiting: &'a [usize],
    /// While more than this wait for a slot, there is no hurry to take more.
    pub(super) plenty: usize,
}

/// What a reply says about its queue.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    /// Whether ready messages are left.
    pub(super) more: bool,
    /// How long until the next scheduled message is due.
    pub(super) next_due: Option<Duration>,
    /// How many bytes the messages had on average, where there were some.
    pub(super) message_bytes: Option<usize>,
}

impl From<&TurnReply> for Told {
    fn from(reply: &TurnReply) -> Self {
        let bytes: usize = reply.taken.iter().map(|delivered| delivered.payload.len()).sum();
        Self { more: reply.more, next_due: reply.next_due, message_bytes: bytes.checked_div(reply.taken.len()) }
    }
}

/// What is known of one queue.
#[derive(Debug)]
struct Known {
    closed: bool,
    /// The last reply said that ready messages are left.
    more: bool,
    /// Something hinted at messages since the last turn began.
    look: bool,
    /// When a token was taken from the queue. A turn must follow even without a free slot, to pass it on.
    token_at: Option<Instant>,
    /// When the next scheduled message is due.
    due_at: Option<Instant>,
    /// When a turn last ended.
    last_turn: Instant,
    /// How many bytes its messages have on average; 0 where it is not known.
    message_bytes: usize,
    /// Turns under way.
    flights: Vec<Flight>,
    /// Its share of the room in the plan that is being made.
    share: usize,
    /// Whether the plan that is being made puts its turn off.
    put_off: bool,
    /// Whether the plan that is being made may ask it for messages.
    may_ask: bool,
}

/// A turn under way.
#[derive(Debug)]
struct Flight {
    ticket: u64,
    want: usize,
    began: Instant,
}

impl Known {
    fn new(now: Instant) -> Self {
        Self {
            closed: false,
            more: false,
            look: true,
            token_at: None,
            due_at: None,
            last_turn: now,
            message_bytes: 0,
            flights: Vec::new(),
            share: 0,
            put_off: false,
            may_ask: false,
        }
    }

    /// Whether messages may be there for the taking.
    fn may_have_messages(&self, now: Instant) -> bool {
        self.more || self.look || self.token_at.is_some() || self.is_due(now)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due_at.is_some_and(|due_at| due_at <= now)
    }

    /// What its turns under way may bring.
    fn reserved(&self, now: Instant) -> usize {
        self.flights.iter().filter(|flight| !flight.is_in_trouble(now)).map(|flight| flight.want).sum()
    }

    /// Whether a share of the room is its own while its turn is under way. A mere hint is not enough for that, nor is it
    /// kept for ever where no reply comes.
    fn keeps_its_share(&self, now: Instant) -> bool {
        self.more && !self.flights.iter().any(|flight| flight.is_in_trouble(now))
    }

    /// The most that one turn takes.
    fn most(&self) -> usize {
        (TURN_BYTES / self.message_bytes.max(1)).clamp(1, Turn::MAX_WANT)
    }

    /// When a turn that takes nothing is to pass on what is known, if there is anything. Nothing is where the last reply
    /// told of messages left: whoever was woken for them learns the due time from the same reply.
    fn pass_on_at(&self, brisk_until: Option<Instant>) -> Option<Instant> {
        let is_brisk = |taken| brisk_until.is_some_and(|until| taken < until);
        let token = self.token_at.map(|taken| if is_brisk(taken) { taken + HOLD } else { taken });
        let due = self.due_at.filter(|_| !self.more).map(|due| (due + GRACE).max(self.last_turn + PAUSE));
        token.into_iter().chain(due).min()
    }
}

impl Flight {
    fn is_in_trouble(&self, now: Instant) -> bool {
        self.began + TROUBLE <= now
    }
}

impl Rota {
    /// Nothing is known of so many queues: each has to be looked at.
    pub(super) fn new(queues: usize, now: Instant) -> Self {
        Self {
            queues: (0..queues).map(|_| Known::new(now)).collect(),
            shares: Shares::new(queues),
            turns_at_once: TURNS_AT_ONCE,
            next_ticket: 0,
            asks: Vec::new(),
            left: 0,
            takes: true,
            claimed: false,
            had_room_at: now,
            look_at: None,
        }
    }

    /// Something may be on this queue.
    pub(super) fn look(&mut self, queue: usize) {
        self.queues[queue].look = true;
    }

    /// A token was taken from this queue: something is there, and nobody else knows of it.
    pub(super) fn woken(&mut self, queue: usize, now: Instant) {
        self.queues[queue].token_at.get_or_insert(now);
    }

    /// This queue is not asked any more.
    pub(super) fn close(&mut self, queue: usize) {
        self.queues[queue].closed = true;
    }

    /// Whether a plan could start a turn.
    pub(super) fn can_start(&self) -> bool {
        self.queues.iter().any(|queue| self.may_start(queue))
    }

    /// Whether a token was taken that is still to be passed on.
    pub(super) fn owes(&self) -> bool {
        self.queues.iter().any(|queue| queue.token_at.is_some() && !queue.closed)
    }

    /// When to plan again at the latest, unless something happens before.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Whether a wait for this queue is of use after the last plan. It is where nothing is known of the queue and a message
    /// could be taken. A worker that is full waits too while its slots become free briskly and other queues would have them
    /// all: it has to know of the message to give it the next slot, and passes the token on if none becomes free in time.
    pub(super) fn listens(&self, queue: usize, now: Instant) -> bool {
        let known = &self.queues[queue];
        let useful = self.left > 0 || (self.claimed && now < self.had_room_at + BRISK);
        useful && self.takes && !known.closed && known.flights.is_empty() && !known.may_have_messages(now)
    }

    /// The turns to make now, each of which MUST be made. `has_news` says of which queues there is something to tell the
    /// broker.
    pub(super) fn plan(&mut self, now: Instant, hands: &Hands<'_>, has_news: impl Fn(usize) -> bool) -> &[Ask] {
        self.asks.clear();
        self.takes = hands.takes;
        let reserved: usize = self.queues.iter().map(|queue| queue.reserved(now)).sum();
        let room = if hands.takes { hands.most.saturating_sub(hands.held + reserved) } else { 0 };
        if room > 0 {
            self.had_room_at = now;
        }
        self.deal(room, now, hands);
        self.look_at = None;
        for index in 0..self.queues.len() {
            self.decide(index, now, hands, &has_news);
        }
        &self.asks
    }

    /// A turn has ended, with a reply or, where the lease was lost before there was one, without.
    pub(super) fn ended(&mut self, ask: Ask, told: Option<Told>, now: Instant) {
        let queue = &mut self.queues[ask.queue];
        queue.flights.retain(|flight| flight.ticket != ask.ticket);
        queue.last_turn = now;
        let Some(told) = told else {
            queue.look = true;
            return;
        };
        queue.more = told.more;
        queue.due_at = told.next_due.map(|due| now + due);
        queue.message_bytes = told.message_bytes.unwrap_or(queue.message_bytes);
    }

    /// Shares the room out. What falls to a queue that cannot ask for it now stays where it is, for that queue.
    fn deal(&mut self, room: usize, now: Instant, hands: &Hands<'_>) {
        let plenty = hands.waiting.iter().sum::<usize>() > hands.plenty;
        self.claimed = false;
        for (index, queue) in self.queues.iter_mut().enumerate() {
            let may_have_messages = queue.may_have_messages(now);
            // A queue of which nothing waits is as hungry as without the plenty of the others.
            let hungry = queue.token_at.is_some() || (may_have_messages && hands.waiting[index] == 0);
            queue.put_off = plenty && !hungry && now < Ahead::no_hurry_until(queue.last_turn);
            queue.share = 0;
            let under_way = queue.flights.len() >= self.turns_at_once;
            let claims = !queue.closed && if under_way { queue.keeps_its_share(now) } else { may_have_messages };
            queue.may_ask = claims && !under_way && !queue.put_off;
            self.claimed |= claims;
            self.shares.set_competes(index, hands.takes && claims);
        }
        self.left = room;
        let mut undealt = if self.queues.iter().any(|queue| queue.may_ask) { room } else { 0 };
        while undealt > 0
            && let Some(index) = self.shares.next(|index| self.queues[index].share < self.queues[index].most())
        {
            self.queues[index].share += 1;
            undealt -= 1;
        }
        for (index, queue) in self.queues.iter_mut().enumerate() {
            if queue.may_ask {
                self.left -= queue.share;
            } else {
                self.shares.give_back(index, std::mem::take(&mut queue.share));
            }
        }
    }

    /// Starts a turn of one queue, or takes note of when it is to be looked at again.
    fn decide(&mut self, index: usize, now: Instant, hands: &Hands<'_>, has_news: impl Fn(usize) -> bool) {
        let brisk_until = hands.takes.then_some(self.had_room_at + BRISK);
        let queue = &self.queues[index];
        let mut look_at = queue.flights.iter().map(|flight| flight.began + TROUBLE).filter(|at| *at > now).min();
        if self.may_start(queue) {
            let want = if self.deserves_one_ahead(index, now, hands) { 1 } else { queue.share };
            let pass_on_at = queue.pass_on_at(brisk_until);
            if queue.put_off {
                look_at = earliest(look_at, Some(Ahead::no_hurry_until(queue.last_turn)));
            } else if want > 0 || has_news(index) || pass_on_at.is_some_and(|at| at <= now) {
                self.start(index, want, now);
                look_at = earliest(look_at, Some(now + TROUBLE));
            } else {
                let due_at = queue.due_at.filter(|due_at| self.left > 0 && *due_at > now);
                look_at = earliest(look_at, earliest(due_at, pass_on_at));
            }
        }
        self.look_at = earliest(self.look_at, look_at);
    }

    /// Whether a queue of which nothing is at hand may take one message although there is no room: while others have
    /// messages that were taken ahead of a slot, it may have one as well, and is not kept waiting behind all of theirs.
    fn deserves_one_ahead(&self, index: usize, now: Instant, hands: &Hands<'_>) -> bool {
        let queue = &self.queues[index];
        hands.takes
            && queue.share == 0
            && queue.may_have_messages(now)
            && queue.flights.iter().all(|flight| flight.want == 0)
            && hands.waiting[index] == 0
            && hands.waiting.iter().any(|waiting| *waiting > 0)
    }

    fn may_start(&self, queue: &Known) -> bool {
        !queue.closed && queue.flights.len() < self.turns_at_once
    }

    fn start(&mut self, index: usize, want: usize, now: Instant) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.asks.push(Ask { queue: index, ticket, want });
        let queue = &mut self.queues[index];
        if want > queue.share {
            self.shares.give(index);
        }
        queue.flights.push(Flight { ticket, want, began: now });
        // What comes from here on is news again: the turn may be too early to see it.
        queue.look = false;
        queue.token_at = None;
        queue.due_at = queue.due_at.filter(|due_at| *due_at > now);
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
