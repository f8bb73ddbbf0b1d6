//! The promises of the rota, over drawn workers, queues, lengths of runs, distances and times of sending.

use proptest::prelude::*;

use super::world::{SOON, Sent, Setting, World};
use super::*;

const MS: Duration = Duration::from_millis(1);

fn setting(workers: std::ops::Range<usize>, most_slots: usize, most_ahead: usize) -> impl Strategy<Value = Setting> {
    let workers = prop::collection::vec((1..=most_slots, 0..=most_ahead), workers);
    let runs = prop::collection::vec(prop_oneof![Just(0), 1..30_000_u64], 1..5);
    (workers, runs, 100..4_000_u64, prop_oneof![3 => Just(1), 1 => 2..=8_usize]).prop_map(
        |(workers, runs, round_trip, turns_at_once)| Setting {
            runs: runs.into_iter().map(Duration::from_micros).collect(),
            round_trip: Duration::from_micros(round_trip),
            workers,
            turns_at_once,
        },
    )
}

/// Sendings within half a second, a third of them delayed.
fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let delay = prop_oneof![2 => Just(0), 1 => 1..300_u64];
    let one = (0..500_u64, 0..4_usize, 1..20_usize, delay).prop_map(|(at, queue, count, delay)| Sent {
        at: MS * u32::try_from(at).unwrap(),
        queue,
        count,
        delay: Duration::from_millis(delay),
    });
    prop::collection::vec(one, 1..40)
}

fn for_queues(mut sent: Vec<Sent>, queues: usize) -> Vec<Sent> {
    sent.iter_mut().for_each(|sent| sent.queue %= queues);
    sent
}

/// Endless backlogs for all queues.
fn backlogs(queues: usize) -> Vec<Sent> {
    (0..queues).map(|queue| Sent { at: Duration::ZERO, queue, count: 1_000_000, delay: Duration::ZERO }).collect()
}

proptest! {
    /// With one slot, queues that have something take turns, in whatever order they stand and however long they run.
    #[test]
    fn one_slot_alternates(setting in setting(1..2, 1, 0)) {
        let queues = setting.runs.len();
        let mut world = World::new(setting, &backlogs(queues));
        world.run(MS * 200);
        for window in world.started.windows(queues) {
            let mut seen: Vec<_> = window.iter().map(|(_, _, queue)| *queue).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..queues).collect::<Vec<_>>());
        }
    }

    /// Full queues get equal shares of the slots that become free; no difference grows with time.
    #[test]
    fn full_queues_get_equal_shares(setting in setting(1..2, 8, 20)) {
        let queues = setting.runs.len();
        let (slots, ahead) = setting.workers[0];
        let mut world = World::new(setting, &backlogs(queues));
        world.run(MS * 200);
        let mut counts = vec![0_usize; queues];
        for (_, _, queue) in &world.started {
            counts[*queue] += 1;
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            prop_assert!(most - least <= 2 * (slots + ahead) + 1, "{counts:?}");
        }
    }

    /// A queue that gets something while others have a backlog is served within a few slots, however late it comes.
    #[test]
    fn who_comes_late_does_not_wait_for_a_backlog(mut setting in setting(1..2, 4, 6), late in 50..100_u64, last: bool) {
        setting.runs.push(MS * 2);
        setting.turns_at_once = 1;
        setting.runs.iter_mut().for_each(|run| *run = (*run).max(MS));
        let queues = setting.runs.len();
        let (slots, round_trip) = (setting.workers[0].0, setting.round_trip);
        let chosen = if last { queues - 1 } else { 0 };
        let mut sent = backlogs(queues);
        let at = Duration::from_millis(late);
        sent[chosen] = Sent { at, queue: chosen, count: 1, delay: Duration::ZERO };
        let mut world = World::new(setting, &sent);
        world.run(MS * 200);
        let served = world.started.iter().find(|(_, _, queue)| *queue == chosen);
        let Some((served, _, _)) = served else { return Err(TestCaseError::fail("it was never served")) };
        // Known after two round trips at the latest, if no wait was in progress. Then it gets one of the next `n` slots, or, as
        // turns that are under way bring what they were made for, one of the first that become free after their replies.
        let known = at + round_trip * 2;
        let before = world.started.iter().filter(|(start, _, _)| (known..*served).contains(start)).count();
        prop_assert!(before < queues + 2 * slots, "{before} of the others started first");
    }

    /// Whatever comes when: no message waits while a worker has a free slot and could know of it, nothing is forgotten, and
    /// nobody takes more than it may have.
    #[test]
    fn nothing_waits_for_nothing(setting in setting(1..4, 4, 8), sent in sent()) {
        let queues = setting.runs.len();
        let sent = for_queues(sent, queues);
        let total: usize = sent.iter().map(|sent| sent.count).sum();
        let mut world = World::new(setting.clone(), &sent);
        world.run(Duration::from_secs(60));
        prop_assert_eq!((world.left(), world.started.len()), (0, total));
        prop_assert!(world.idled < SOON, "a message waited {:?} beside a free slot", world.idled);
        prop_assert!(world.excess <= queues, "{} more than it may have", world.excess);
    }

    /// An idle worker hears of a due time within 100 ms although only a worker knows it that has filled up meanwhile.
    #[test]
    fn a_full_worker_passes_a_due_time_on(round_trip in 20..10_000_u64, due in 60..400_u64) {
        let mut rota = Rota::new(2, Instant::now());
        let (start, round_trip) = (Instant::now(), Duration::from_micros(round_trip));
        let hands = Hands { takes: true, most: 1, held: 0, waiting: &[0, 0], plenty: 0 };
        let first = rota.plan(start, &hands, |_| false)[0];
        let due = start + Duration::from_millis(due);
        rota.ended(first, Some(Told { next_due: Some(due - start), ..Told::default() }), start);
        let full = Hands { held: 1, ..hands };
        let mut now = start;
        let ask = loop {
            if let Some(ask) = rota.plan(now, &full, |_| false).iter().find(|ask| ask.queue == first.queue) {
                break *ask;
            }
            now = rota.look_at().expect("it looks again").max(now);
        };
        prop_assert!(ask.want == 0 && now >= due && now + round_trip < due + SOON, "{:?}", now - due);
    }

    /// What was known of a queue that is away is no reason to keep slots from the others.
    #[test]
    fn a_queue_that_is_away_stops_no_other(queues in 2..5_usize) {
        let start = Instant::now();
        let mut rota = Rota::new(queues, start);
        let waiting = vec![0; queues];
        let hands = Hands { takes: true, most: 1, held: 0, waiting: &waiting, plenty: 0 };
        prop_assert_eq!(rota.plan(start, &hands, |_| false), [Ask { queue: 0, ticket: 0, want: 1 }]);
        prop_assert!(rota.plan(start + MS, &hands, |_| false).is_empty());
        let later = rota.look_at().unwrap();
        prop_assert!(later <= start + MS * 500);
        prop_assert_eq!(rota.plan(later, &hands, |_| false).first().map(|ask| (ask.queue, ask.want)), Some((1, 1)));
    }
}

/// A backlog that was taken ahead and turned slow keeps nobody waiting until it is handed back.
#[test]
fn beside_messages_taken_ahead_each_queue_may_have_one_too() {
    let now = Instant::now();
    let mut rota = Rota::new(2, now);
    for queue in [0, 1] {
        rota.queues[queue].look = queue == 1;
    }
    let slow = Hands { takes: true, most: 1, held: 501, waiting: &[500, 0], plenty: 0 };
    let ask = rota.plan(now, &slow, |_| false)[0];
    assert_eq!((ask.queue, ask.want), (1, 1));
    rota.ended(ask, Some(Told { more: true, ..Told::default() }), now);
    let slow = Hands { held: 502, waiting: &[500, 1], ..slow };
    assert!(rota.plan(now, &slow, |_| false).is_empty());
}

const FREE: Hands<'static> = Hands { takes: true, most: 10, held: 0, waiting: &[0], plenty: 0 };

#[test]
fn a_hint_during_a_turn_is_not_forgotten() {
    let now = Instant::now();
    for hint in [Rota::look, |rota: &mut Rota, queue| rota.woken(queue, Instant::now())] {
        let mut rota = Rota::new(1, now);
        let first = rota.plan(now, &FREE, |_| false)[0];
        hint(&mut rota, 0);
        assert!(rota.plan(now, &FREE, |_| false).is_empty());
        rota.ended(first, Some(Told::default()), now);
        let second = rota.plan(now, &FREE, |_| false)[0];
        assert_eq!(second.want, 10);
        rota.ended(second, Some(Told::default()), now);
        assert!(rota.plan(now, &FREE, |_| false).is_empty() && rota.listens(0, now));
    }
}

#[test]
fn a_worker_with_a_free_slot_looks_when_something_is_due() {
    let now = Instant::now();
    let mut rota = Rota::new(1, now);
    let first = rota.plan(now, &FREE, |_| false)[0];
    rota.ended(first, Some(Told { next_due: Some(MS * 700), ..Told::default() }), now);
    assert!(rota.plan(now, &FREE, |_| false).is_empty());
    let due = now + MS * 700;
    assert_eq!(rota.look_at(), Some(due));
    assert_eq!(rota.plan(due, &FREE, |_| false).first().map(|ask| ask.want), Some(10));
}

#[test]
fn who_stops_takes_nothing_and_passes_its_token_on_at_once() {
    let now = Instant::now();
    let mut rota = Rota::new(1, now);
    rota.woken(0, now);
    let stopping = Hands { takes: false, ..FREE };
    assert_eq!(rota.plan(now, &stopping, |_| false)[0].want, 0);
    assert!(!rota.owes() && !rota.listens(0, now));
}

#[test]
fn a_closed_queue_is_left_alone() {
    let now = Instant::now();
    let mut rota = Rota::new(2, now);
    rota.close(0);
    let hands = Hands { waiting: &[0, 0], ..FREE };
    rota.woken(0, now);
    let asked: Vec<_> = rota.plan(now, &hands, |_| true).iter().map(|ask| (ask.queue, ask.want)).collect();
    assert_eq!(asked, [(1, 10)]);
    assert!(!rota.owes());
}

#[test]
fn large_messages_are_taken_a_few_at_a_time() {
    let now = Instant::now();
    let mut rota = Rota::new(1, now);
    let first = rota.plan(now, &FREE, |_| false)[0];
    rota.ended(first, Some(Told { more: true, message_bytes: Some(TURN_BYTES / 3), ..Told::default() }), now);
    assert_eq!(rota.plan(now, &FREE, |_| false)[0].want, 3);
}
