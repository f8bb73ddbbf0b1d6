//! [`Step`]: one thing that happens to a queue. Steps name things by their place among those there are, so that they make
//! sense however a life is shortened.

use proptest::collection::vec;
use proptest::prelude::*;

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Publish {
        producer: usize,
        number: Number,
        entries: Vec<Sent>,
    },
    /// More messages than a turn makes ready at once.
    PublishMany {
        producer: usize,
        count: usize,
        delay_ms: u64,
    },
    Turn {
        worker: usize,
        number: Number,
        settle: Vec<(How, usize)>,
        want: usize,
        limits: (u64, u64),
        discarded: u64,
    },
    /// A turn that takes very many or ends all it holds.
    LargeTurn {
        worker: usize,
        end: Option<How>,
        want: usize,
        most_dead: u64,
    },
    Renew {
        worker: usize,
        lease_ms: u64,
    },
    Recover {
        worker: usize,
        leaving: bool,
    },
    /// What a live worker does: renews, and recovers whom that reports.
    Heartbeat {
        worker: usize,
    },
    /// A worker that was lost comes back under a new name; one that was not leaves its messages to others.
    NewName {
        worker: usize,
    },
    Pass {
        micros: u64,
    },
    Replay {
        nth: usize,
    },
    Delete {
        nth: usize,
    },
    Clear {
        limit: u64,
    },
    /// An idle worker takes the token.
    TakeToken,
    /// Something on the queue begins or ceases to need the full scripts.
    Flag {
        raised: bool,
    },
}

/// Which number a call carries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Next,
    /// The last call again, as after a lost reply.
    Repeat,
    /// An old number with other content.
    Old,
    Skip,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) kind: Kind,
    pub(super) due: When,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Envelope,
    Garbage,
    /// The bytes of an earlier message once more.
    Again(usize),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Now,
    AfterMicros(u64),
    /// So many milliseconds from now on the wall clock, which may be past.
    At(i64),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    Done,
    RetryMicros(u64),
    Return,
    Dead,
}

const WORKERS: std::ops::Range<usize> = 0..3;

pub(super) fn step() -> impl Strategy<Value = Step> {
    let kind =
        prop_oneof![8 => Just(Kind::Envelope), 2 => Just(Kind::Garbage), 1 => (0..6_usize).prop_map(Kind::Again)];
    let when = prop_oneof![
        4 => Just(When::Now),
        4 => (0..6_u64).prop_map(|times| When::AfterMicros(times * 50_000)),
        1 => (0..500_000_u64).prop_map(When::AfterMicros),
        1 => (-5..6_i64).prop_map(|times| When::At(times * 50)),
        1 => Just(When::AfterMicros(u64::MAX)),
    ];
    let how = || {
        prop_oneof![
            3 => Just(How::Done),
            2 => (0..4_u64).prop_map(|times| How::RetryMicros(times * 50_000)),
            1 => (0..300_000_u64).prop_map(How::RetryMicros),
            2 => Just(How::Return),
            2 => Just(How::Dead),
        ]
    };
    let sent = (kind, when).prop_map(|(kind, due)| Sent { kind, due });
    let limits = (
        prop_oneof![4 => 1..5_u64, 1 => Just(0_u64), 1 => Just(u64::MAX)],
        prop_oneof![
            2 => Just(3_600_000_u64),
            1 => (0..5_u64).prop_map(|times| times * 100),
        ],
    );
    prop_oneof![
        60 => (0..2_usize, number(), vec(sent, 0..6))
            .prop_map(|(producer, number, entries)| Step::Publish { producer, number, entries }),
        1 => (0..2_usize, 90..700_usize, 0..2_u64)
            .prop_map(|(producer, count, times)| Step::PublishMany { producer, count, delay_ms: times * 100 }),
        120 => (WORKERS, number(), vec((how(), 0..8_usize), 0..6), 0..8_usize, limits, 0..2_u64).prop_map(
            |(worker, number, settle, want, limits, discarded)| Step::Turn {
                worker, number, settle, want, limits, discarded
            }
        ),
        2 => (WORKERS, proptest::option::of(how()), 0..1_200_usize, 0..3_u64)
            .prop_map(|(worker, end, want, most_dead)| Step::LargeTurn { worker, end, want, most_dead }),
        10 => (WORKERS, 0..4_u64).prop_map(|(worker, times)| Step::Renew { worker, lease_ms: times * 100 }),
        20 => (WORKERS, prop::bool::weighted(0.2)).prop_map(|(worker, leaving)| Step::Recover { worker, leaving }),
        25 => WORKERS.prop_map(|worker| Step::Heartbeat { worker }),
        8 => WORKERS.prop_map(|worker| Step::NewName { worker }),
        40 => prop_oneof![3 => (0..8_u64).prop_map(|times| times * 50_000), 1 => 0..400_000_u64]
            .prop_map(|micros| Step::Pass { micros }),
        8 => (0..4_usize).prop_map(|nth| Step::Replay { nth }),
        6 => (0..4_usize).prop_map(|nth| Step::Delete { nth }),
        3 => (0..12_u64).prop_map(|limit| Step::Clear { limit }),
        12 => Just(Step::TakeToken),
        4 => any::<bool>().prop_map(|raised| Step::Flag { raised }),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        12 => Just(Number::Next),
        3 => Just(Number::Repeat),
        1 => Just(Number::Old),
        1 => Just(Number::Skip),
    ]
}
