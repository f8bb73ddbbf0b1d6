//! [`Turns`]: the turns of this worker on one queue, one at a time, each repeated until its reply is known.
//!
//! Next: `broker/redis/calls/turn.rs`.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::membership::{Incarnation, Membership};
use super::{WorkerOptions, settle};
use crate::broker::{Broker, Delivered, Settlement, Turn, TurnReply};
use crate::message::MessageId;

/// The shortest and the longest pause before a failed turn is repeated.
const PAUSE: std::ops::Range<Duration> = Duration::from_millis(50)..Duration::from_secs(1);

/// One turn takes no more than about this many bytes, judged by the messages of the last one: more would hold up the
/// connection for long, and be out of the processor's caches before it is read.
const TURN_BYTES: usize = 1024 * 1024;

/// What the fetch loop knows about one queue.
pub(super) struct Turns {
    pub(super) membership: Arc<Membership>,
    /// The incarnation the next turn is for.
    incarnation: Incarnation,
    sequence: u64,
    /// How messages ended that the broker has not been told about.
    settlements: Vec<Settlement>,
    /// Late results thrown away and not yet counted.
    discarded: u64,
    /// Whether a turn is under way.
    pub(super) under_way: bool,
    /// Whether a turn may bring something.
    pub(super) hot: bool,
    /// Whether a token was taken from the queue: a turn must follow even without a free slot, to pass it on.
    pub(super) woken: bool,
    /// What the last reply said about how the next messages may be taken.
    backlog: bool,
    /// Whether the next turn needs the full script.
    full: bool,
    /// How many bytes the messages of the last turn had on average; 0 where it is not known.
    message_bytes: usize,
    /// When the next scheduled message is due.
    pub(super) due_at: Option<Instant>,
    /// When the last turn ended.
    pub(super) last_turn: Instant,
}

/// A turn that got its reply.
pub(super) struct Ended {
    pub(super) queue: usize,
    pub(super) epoch: u64,
    pub(super) want: usize,
    /// `None` where the lease was lost before there was a reply.
    pub(super) reply: Option<TurnReply>,
}

impl Turns {
    pub(super) fn new(membership: Arc<Membership>) -> Self {
        Self {
            incarnation: membership.current(),
            membership,
            sequence: 0,
            settlements: Vec::new(),
            discarded: 0,
            under_way: false,
            hot: true,
            woken: false,
            backlog: false,
            full: false,
            message_bytes: 0,
            due_at: None,
            last_turn: Instant::now(),
        }
    }

    pub(super) fn incarnation(&self) -> &Incarnation {
        &self.incarnation
    }

    /// Adds how a message of the incarnation `epoch` ended. A result of an earlier one is late: the message belongs to
    /// somebody else, so the result is refused here, as the broker would.
    pub(super) fn settle(&mut self, epoch: u64, id: MessageId, settlement: Settlement) {
        if epoch == self.incarnation.epoch {
            self.settlements.push(settlement);
        } else {
            tracing::warn!(%id, queue = %self.membership.queue(), "refused a late result: the lease was lost");
            self.discarded += 1;
        }
    }

    /// Takes note of a new incarnation. Says whether there is one.
    pub(super) fn refresh(&mut self) -> bool {
        if self.membership.epoch() == self.incarnation.epoch {
            return false;
        }
        self.discarded += u64::try_from(self.settlements.len()).unwrap_or(u64::MAX);
        self.settlements.clear();
        self.incarnation = self.membership.current();
        self.sequence = 0;
        self.hot = true;
        true
    }

    /// Whether there is something to tell the broker.
    pub(super) fn has_news(&self) -> bool {
        self.woken || self.discarded > 0 || !self.settlements.is_empty()
    }

    /// Whether messages may be there for the taking.
    pub(super) fn may_have_messages(&self, now: Instant) -> bool {
        self.hot || self.due_at.is_some_and(|due| due <= now)
    }

    /// How many messages the next turn should take where there is room for so many.
    pub(super) fn want(&self, room: usize) -> usize {
        room.min(Turn::MAX_WANT).min((TURN_BYTES / self.message_bytes.max(1)).max(1))
    }

    /// Starts the next turn.
    pub(super) fn start(
        &mut self,
        queue: usize,
        broker: Arc<dyn Broker>,
        want: usize,
        options: &WorkerOptions,
    ) -> impl Future<Output = Ended> + Send + 'static {
        self.under_way = true;
        self.woken = false;
        self.sequence += 1;
        let settlements = if self.settlements.len() <= Turn::MAX_SETTLEMENTS {
            let room = Vec::with_capacity(self.settlements.len());
            std::mem::replace(&mut self.settlements, room)
        } else {
            // The last ones first: what is handed back goes to the head.
            self.settlements.split_off(self.settlements.len() - Turn::MAX_SETTLEMENTS)
        };
        let turn = Turn {
            queue: self.membership.queue().clone(),
            worker: self.incarnation.worker.clone(),
            sequence: self.sequence,
            lease: options.lease,
            settlements,
            want,
            backlog: self.backlog,
            full: self.full,
            discarded: std::mem::take(&mut self.discarded),
            dead_limits: options.dead_limits,
        };
        let epoch = self.incarnation.epoch;
        let membership = Arc::clone(&self.membership);
        async move { Ended { queue, epoch, want, reply: until_reply(&*broker, &membership, epoch, &turn).await } }
    }

    /// Takes in a reply. Returns whether its deliveries are this worker's.
    pub(super) fn ended(&mut self, ended: &Ended) -> bool {
        self.under_way = false;
        self.last_turn = Instant::now();
        let queue = self.membership.queue();
        match &ended.reply {
            Some(reply) if reply.lost => {
                if self.membership.lose(ended.epoch) {
                    tracing::warn!(%queue, "the lease was lost: this worker was silent for too long; starting anew");
                }
                false
            }
            // The lease was lost while the reply was on its way: whatever it brought has been recovered by others.
            Some(_) if self.membership.epoch() != ended.epoch => false,
            Some(reply) => {
                self.membership.confirm(ended.epoch);
                if reply.refused > 0 {
                    tracing::warn!(%queue, refused = reply.refused, "late results were refused");
                }
                if reply.trimmed > 0 {
                    tracing::warn!(%queue, trimmed = reply.trimmed, "dead letters were deleted to stay within the limits");
                }
                self.backlog = reply.backlog;
                self.full = reply.full;
                let bytes: usize = reply.deliveries.iter().map(|delivered| delivered.payload.len()).sum();
                self.message_bytes = bytes.checked_div(reply.deliveries.len()).unwrap_or(self.message_bytes);
                self.hot = reply.more || (ended.want > 0 && reply.deliveries.len() >= ended.want);
                self.due_at = reply.next_due.map(|due| self.last_turn + due);
                true
            }
            None => false,
        }
    }

    /// Hands back a message that is not to run any more.
    pub(super) fn hand_back(&mut self, epoch: u64, delivered: &Delivered) {
        self.settle(epoch, delivered.id, settle::hand_back(delivered));
    }

    /// Hands back a message that was never started, as it came.
    pub(super) fn hand_back_unseen(&mut self, epoch: u64, delivered: &Delivered) {
        self.settle(epoch, delivered.id, delivered.hand_back(delivered.payload.clone()));
    }

    /// Puts what was handed back last into the order in which it came.
    pub(super) fn sort_settlements(&mut self) {
        self.settlements.sort_by_key(|settlement| settlement.place);
    }
}

/// Repeats a turn until its reply is known: only then is it certain which messages are this worker's.
async fn until_reply(broker: &dyn Broker, membership: &Membership, epoch: u64, turn: &Turn) -> Option<TurnReply> {
    let mut pause = PAUSE.start;
    loop {
        let error = match broker.turn(turn).await {
            Ok(reply) => return Some(reply),
            Err(error) => error,
        };
        if membership.epoch() != epoch {
            return None;
        }
        if pause == PAUSE.start {
            tracing::warn!(queue = %turn.queue, %error, "could not fetch or settle; trying again until it works");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.end);
    }
}
