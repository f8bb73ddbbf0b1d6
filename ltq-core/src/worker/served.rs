//! [`Served`]: a queue this worker serves: its turns, each repeated until its reply is known, and what the next one tells.
//!
//! Next: `broker/redis/calls/turn.rs`.

use std::sync::Arc;
use std::time::Duration;

use super::membership::{Incarnation, Membership};
use super::rota::Ask;
use super::{WorkerOptions, settle};
use crate::broker::{Broker, BrokerError, Delivered, Settlement, Turn, TurnReply};
use crate::message::MessageId;

/// The shortest and the longest pause before a failed turn is repeated.
const PAUSE: std::ops::Range<Duration> = Duration::from_millis(50)..Duration::from_secs(1);
/// How many refusals in a row are believed. The first may meet a user whose permissions are just being set anew.
pub(super) const BELIEVED: u32 = 3;

/// One queue, as the fetch loop serves it.
pub(super) struct Served {
    pub(super) membership: Arc<Membership>,
    /// The incarnation the next turn is for.
    incarnation: Incarnation,
    sequence: u64,
    /// How messages ended that the broker has not been told about.
    settlements: Vec<Settlement>,
    /// Late results thrown away and not yet counted.
    discarded: u64,
    /// What the last reply said about how the next messages may be taken.
    backlog: bool,
    /// Whether the next turn needs the full script.
    full: bool,
}

/// A turn that has ended.
pub(super) struct Ended {
    pub(super) ask: Ask,
    pub(super) epoch: u64,
    pub(super) end: End,
}

/// How a turn ended.
pub(super) enum End {
    /// The broker replied.
    Reply(TurnReply),
    /// The lease was lost before there was a reply.
    LeaseLost,
    /// The broker refuses, however often it is asked.
    Refused(BrokerError),
}

impl Served {
    pub(super) fn new(membership: Arc<Membership>) -> Self {
        Self {
            incarnation: membership.current(),
            membership,
            sequence: 0,
            settlements: Vec::new(),
            discarded: 0,
            backlog: false,
            full: false,
        }
    }

    pub(super) fn incarnation(&self) -> &Incarnation {
        &self.incarnation
    }

    /// Whether it is closed for this worker.
    pub(super) fn is_closed(&self) -> bool {
        self.membership.is_closed()
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
        true
    }

    /// Whether there is something to tell the broker.
    pub(super) fn has_news(&self) -> bool {
        (self.discarded > 0 || !self.settlements.is_empty()) && !self.is_closed()
    }

    /// Starts the next turn.
    pub(super) fn start(
        &mut self,
        ask: Ask,
        broker: Arc<dyn Broker>,
        options: &WorkerOptions,
    ) -> impl Future<Output = Ended> + Send + 'static {
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
            want: ask.want,
            backlog: self.backlog,
            full: self.full,
            discarded: std::mem::take(&mut self.discarded),
            dead_limits: options.dead_limits,
        };
        let epoch = self.incarnation.epoch;
        let membership = Arc::clone(&self.membership);
        async move { Ended { ask, epoch, end: until_reply(&*broker, &membership, epoch, &turn).await } }
    }

    /// Takes in a reply to a turn of the incarnation `epoch`. Returns whether what it took is this worker's.
    pub(super) fn replied(&mut self, epoch: u64, reply: &TurnReply) -> bool {
        let queue = self.membership.queue();
        if reply.lost {
            if self.membership.lose(epoch) {
                tracing::warn!(%queue, "the lease was lost: this worker was silent for too long; starting anew");
            }
            return false;
        }
        // The lease was lost while the reply was on its way: whatever it brought has been recovered by others.
        if self.membership.epoch() != epoch {
            return false;
        }
        self.membership.confirm(epoch);
        if reply.refused > 0 {
            tracing::warn!(%queue, refused = reply.refused, "late results were refused");
        }
        if reply.trimmed > 0 {
            tracing::warn!(%queue, trimmed = reply.trimmed, "dead letters were deleted to stay within the limits");
        }
        self.backlog = reply.backlog;
        self.full = reply.full;
        true
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

/// Repeats a turn until its reply is known: only then is it certain which messages are this worker's. What trying again
/// cannot cure is not repeated for ever.
async fn until_reply(broker: &dyn Broker, membership: &Membership, epoch: u64, turn: &Turn) -> End {
    let (mut pause, mut refusals) = (PAUSE.start, 0);
    loop {
        let error = match broker.turn(turn).await {
            Ok(reply) => return End::Reply(reply),
            Err(error) => error,
        };
        if membership.epoch() != epoch {
            return End::LeaseLost;
        }
        refusals = if error.is_refusal() { refusals + 1 } else { 0 };
        if refusals == BELIEVED {
            return End::Refused(error);
        }
        if pause == PAUSE.start {
            tracing::warn!(queue = %turn.queue, %error, "could not fetch or settle; trying again");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.end);
    }
}
