//! [`plan`]: every fault of a run, drawn from its seed before anything starts. The same seed gives the same plan.
//!
//! Faults come from decks that are shuffled and dealt, not from dice: each kind is sure to come, in a proportion that does
//! not depend on luck.

use std::time::Duration;

use fastrand::Rng;
use ltq_tests::fault_proxy::Refusal;

use crate::faults::{Fault, Party, Planned};
use crate::scenario::{Decks, Scenario};

/// The kinds in a deck.
#[derive(Debug, Clone, Copy)]
enum Card {
    Kill,
    LongFreeze,
    ShortFreeze,
    Terminate,
    Cut,
    Stall,
    LongStall,
    Delay,
    HalfOpen,
    DropReplies,
    Refuse(Refusal),
    RedisKill,
    RedisRestart,
    RedisFreeze,
    Flush,
}

const WORKER_DECK: [(Card, usize); 14] = [
    (Card::Kill, 13),
    (Card::LongFreeze, 4),
    (Card::ShortFreeze, 1),
    (Card::Terminate, 1),
    (Card::Cut, 1),
    (Card::Stall, 1),
    (Card::LongStall, 1),
    (Card::Delay, 1),
    (Card::HalfOpen, 1),
    (Card::DropReplies, 2),
    (Card::Refuse(Refusal::NoScript), 1),
    (Card::Refuse(Refusal::ReadOnly), 1),
    (Card::Refuse(Refusal::Loading), 1),
    (Card::Refuse(Refusal::OutOfMemory), 1),
];
const PRODUCER_DECK: [(Card, usize); 9] = [
    (Card::Cut, 2),
    (Card::Stall, 1),
    (Card::Delay, 1),
    (Card::HalfOpen, 1),
    (Card::DropReplies, 3),
    (Card::Refuse(Refusal::NoScript), 1),
    (Card::Refuse(Refusal::ReadOnly), 1),
    (Card::Refuse(Refusal::Loading), 1),
    (Card::Refuse(Refusal::OutOfMemory), 1),
];
const DENSE_DECK: [(Card, usize); 5] =
    [(Card::Kill, 3), (Card::LongFreeze, 3), (Card::Cut, 1), (Card::DropReplies, 2), (Card::LongStall, 1)];
const REPLIES_DECK: [(Card, usize); 1] = [(Card::DropReplies, 1)];
const REDIS_DECK: [(Card, usize); 3] = [(Card::RedisKill, 6), (Card::RedisRestart, 5), (Card::RedisFreeze, 1)];
const FLUSH_DECK: [(Card, usize); 1] = [(Card::Flush, 1)];

/// The faults of a run of this length, in the order of their times.
pub(crate) fn plan(scenario: &Scenario, seed: u64, length: Duration) -> Vec<Planned> {
    let mut rng = Rng::with_seed(seed);
    let mut planned = Vec::new();
    // What the last faults do to the queue shows before the run ends.
    let length = length.saturating_sub(scenario.lease);
    let (worker_deck, producer_deck) = match scenario.decks {
        Decks::All => (&WORKER_DECK[..], &PRODUCER_DECK[..]),
        Decks::Dense => (&DENSE_DECK[..], &REPLIES_DECK[..]),
        Decks::Replies => (&REPLIES_DECK[..], &[][..]),
    };
    // Two workers are left alone at every moment, and one producer.
    let workers: Vec<_> = (0..scenario.workers).map(Party::Worker).collect();
    let quiet = &scenario.quiet;
    deal(&mut planned, &mut rng, scenario, length, &workers, scenario.workers.saturating_sub(2), quiet, worker_deck);
    let producers: Vec<_> = (0..scenario.send_timeouts.len()).map(Party::Producer).collect();
    deal(&mut planned, &mut rng, scenario, length, &producers, 2, quiet, producer_deck);
    let redis_quiet = &scenario.redis_quiet;
    deal(&mut planned, &mut rng, scenario, length, &[Party::Redis], 1, redis_quiet, &REDIS_DECK);
    deal(&mut planned, &mut rng, scenario, length, &[Party::Redis], 1, redis_quiet, &FLUSH_DECK);
    planned.sort_by_key(|planned| planned.at);
    planned
}

/// Deals a deck to some parties, each of which is left alone for a while after a fault.
#[expect(clippy::too_many_arguments, reason = "one table of a plan")]
fn deal(
    planned: &mut Vec<Planned>,
    rng: &mut Rng,
    scenario: &Scenario,
    length: Duration,
    parties: &[Party],
    at_once: usize,
    quiet: &std::ops::Range<u64>,
    deck: &[(Card, usize)],
) {
    let mut next: Vec<_> = parties.iter().map(|_| Duration::from_millis(rng.u64(quiet.start / 2..quiet.end))).collect();
    let mut ends: Vec<Duration> = Vec::new();
    let mut cards: Vec<Card> = Vec::new();
    while let Some((index, at)) = next.iter().copied().enumerate().min_by_key(|(_, at)| *at) {
        if at >= length {
            return;
        }
        if ends.iter().filter(|end| **end > at).count() >= at_once {
            next[index] = at + Duration::from_millis(250);
            continue;
        }
        if cards.is_empty() {
            cards = deck.iter().flat_map(|(card, count)| std::iter::repeat_n(*card, *count)).collect();
            rng.shuffle(&mut cards);
        }
        let Some(card) = cards.pop() else { return };
        let fault = draw(card, rng, scenario.lease_ms());
        let end = at + fault.time();
        ends.push(end);
        next[index] = end + Duration::from_millis(rng.u64(quiet.clone()));
        planned.push(Planned { at, party: parties[index], fault });
    }
}

/// A fault of this kind; its times are in proportion to the lease.
fn draw(card: Card, rng: &mut Rng, lease: u64) -> Fault {
    let mut millis = |range: std::ops::Range<u64>| Duration::from_millis(rng.u64(range));
    match card {
        Card::Kill => Fault::Kill { pause: millis(100..1_500) },
        Card::LongFreeze => Fault::Freeze { time: millis(lease * 5 / 4..lease * 7 / 4) },
        Card::ShortFreeze => Fault::Freeze { time: millis(lease / 16..lease / 2) },
        Card::Terminate => Fault::Terminate,
        Card::Cut => Fault::Cut,
        Card::Stall => Fault::Stall { time: millis(lease / 16..lease / 2) },
        Card::LongStall => Fault::Stall { time: millis(lease..lease * 3 / 2) },
        Card::Delay => Fault::Delay { each: millis(5..100), time: millis(lease / 4..lease / 2) },
        Card::HalfOpen => Fault::HalfOpen,
        // Some are worn down by it until a send gives up.
        Card::DropReplies => {
            let many = rng.bool();
            let calls = if many { 10_000 } else { rng.usize(1..5) };
            Fault::DropReplies { calls, time: Duration::from_millis(rng.u64(lease / 4..lease * 3 / 4)) }
        }
        Card::Refuse(refusal) => Fault::Refuse {
            refusal,
            calls: rng.usize(1..50),
            time: Duration::from_millis(rng.u64(lease / 8..lease / 2)),
        },
        Card::RedisKill => Fault::RedisKill { down: down(rng, lease) },
        Card::RedisRestart => Fault::RedisRestart { down: down(rng, lease) },
        Card::RedisFreeze => Fault::RedisFreeze { time: millis(lease / 8..lease * 3 / 4) },
        Card::Flush => Fault::ScriptFlush,
    }
}

/// Mostly a moment, now and then longer than every lease.
fn down(rng: &mut Rng, lease: u64) -> Duration {
    let long = rng.u8(..6) == 0;
    Duration::from_millis(if long { rng.u64(lease * 9 / 8..lease * 3 / 2) } else { rng.u64(100..2_500) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ten_minutes(seed: u64) -> Vec<Planned> {
        plan(&Scenario::named("full").unwrap(), seed, Duration::from_secs(600))
    }

    #[test]
    fn ten_minutes_hold_what_was_asked_for_whatever_the_seed() {
        for seed in 0..50 {
            let plan = ten_minutes(seed);
            let count = |fits: &dyn Fn(Fault) -> bool| plan.iter().filter(|planned| fits(planned.fault)).count();
            let lease = Duration::from_secs(8);
            let counts = [
                count(&|fault| matches!(fault, Fault::Kill { .. })),
                count(&|fault| matches!(fault, Fault::Freeze { time } if time > lease)),
                count(&|fault| fault.is_of_a_connection()),
                count(&|fault| matches!(fault, Fault::RedisKill { .. } | Fault::RedisRestart { .. })),
            ];
            assert!(counts.iter().zip([50, 20, 50, 10]).all(|(count, least)| *count >= least), "{seed}: {counts:?}");
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(ten_minutes(1), ten_minutes(1));
        assert_ne!(ten_minutes(1), ten_minutes(2));
    }

    #[test]
    fn two_workers_are_always_left_alone() {
        let workers = 6;
        let plan = ten_minutes(3);
        for at in plan.iter().map(|planned| planned.at) {
            let held = plan.iter().filter(|other| {
                matches!(other.party, Party::Worker(_)) && other.at <= at && other.at + other.fault.time() > at
            });
            assert!(held.count() <= workers - 2, "{at:?}");
        }
    }
}
