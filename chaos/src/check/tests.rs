//! Each invariant on hand-made histories: one that is as it should be, and changes of it that must be found.

use std::time::Duration;

use super::{Invariant, check};
use crate::faults::{Fault, Party};
use crate::history::{End, Handout, History, How, Key, Made, Message, NEVER, Process, Run, Told, Wrong};
use crate::notes::Ending;
use crate::scenario::Scenario;

/// Two workers. The first has run message 0, and was frozen from 20 s to 32 s while it ran message 1, which was taken
/// from it at 28 s and given to the second. Its late result was refused.
fn history() -> History {
    let message = |id: u8| Message {
        id: [id; 16],
        producer: 0,
        told: Told::Accepted,
        published: 1,
        end: End::Done,
        sent_at: 0,
        told_at: 1,
    };
    let process =
        |slot, pid| Process { slot, pid, started: 0, ended: NEVER, end: "running".to_owned(), unexpected: false };
    let run = |message, process, delivery, start, finish| Run {
        message,
        process,
        delivery,
        start,
        finish,
        ending: Some(Ending::Done),
    };
    let handout = |message, process, how, given, ended| Handout { message, process, how, given, ended };
    let mut runs = vec![run(0, 0, 1, 1_000, 1_010), run(1, 0, 1, 19_990, 32_010), run(1, 1, 2, 28_100, 28_200)];
    // Both go on with other work, so that nobody is silent.
    let busy = |from: u32, to: u32| (from..to).step_by(2_000);
    let others: Vec<(u16, u32)> = busy(2_000, 20_000).chain(busy(34_000, 60_000)).map(|at| (0, at)).collect();
    let others = others.into_iter().chain(busy(0, 60_000).map(|at| (1, at)));
    let mut handouts = vec![
        handout(0, 0, How::Done, 1_000, 1_000),
        handout(1, 0, How::Recovered, 19_000, 28_000),
        handout(1, 1, How::Done, 28_000, 28_000),
    ];
    let mut messages = vec![message(0), message(1)];
    for (number, (worker, at)) in (2..).zip(others) {
        messages.push(message(u8::try_from(number).unwrap()));
        runs.push(run(number, worker, 1, at, at + 5));
        handouts.push(handout(number, worker, How::Done, at, at));
    }
    let frozen = Fault::Freeze { time: Duration::from_secs(12) };
    let mut history = History {
        lease: 8_000,
        calm_from: 60_000,
        messages,
        runs,
        handouts,
        processes: vec![process(0, 10), process(1, 11)],
        faults: vec![Made { fault: frozen, party: Party::Worker(0), process: Some(0), start: 20_000, end: 32_000 }],
        refused: 1,
        ..History::default()
    };
    history.sort();
    history
}

/// What is broken after a change.
fn broken(change: impl FnOnce(&mut History)) -> Vec<Invariant> {
    let mut history = history();
    change(&mut history);
    let mut broken: Vec<_> =
        check(&history, &Scenario::named("full").unwrap()).into_iter().map(|violation| violation.invariant).collect();
    broken.dedup();
    broken
}

#[test]
fn a_history_as_it_should_be_breaks_nothing() {
    assert_eq!(broken(|_| {}), []);
}

#[test]
fn a_lost_message_is_found() {
    assert_eq!(broken(|history| history.messages[0].end = End::NotYet), [Invariant::Ended]);
    assert_eq!(broken(|history| history.runs[0].ending = Some(Ending::Failed)), [Invariant::Ended]);
    assert_eq!(broken(|history| history.wrong.push((0, Wrong::Vanished))), [Invariant::Ended]);
    // Nobody promised anything.
    assert_eq!(
        broken(|history| (history.messages[0].told, history.messages[0].end) = (Told::Error(0), End::NotYet)),
        []
    );
}

#[test]
fn a_message_in_two_places_is_found() {
    for wrong in [Wrong::InTwoPlaces, Wrong::CameBack, Wrong::SettledTwice, Wrong::PublishedAgain] {
        assert_eq!(broken(|history| history.wrong.push((0, wrong))), [Invariant::Once]);
    }
}

#[test]
fn a_run_too_many_is_found() {
    let again = |history: &mut History| {
        history.runs.insert(1, history.runs[0]);
    };
    assert_eq!(broken(again), [Invariant::Again]);
    let error = |history: &mut History| {
        history.messages[0].told = Told::Error(0);
        history.runs.insert(1, history.runs[0]);
    };
    assert_eq!(broken(error), [Invariant::Error]);
    assert_eq!(broken(|history| history.runs[0].process = 1), [Invariant::Again]);
}

#[test]
fn a_recovery_needs_a_cause() {
    assert_eq!(broken(|history| history.faults.clear()), [Invariant::Again, Invariant::Silent]);
    // Short, long over, or somebody else's.
    assert!(broken(|history| history.faults[0].start = 29_000).contains(&Invariant::Again));
    assert!(broken(|history| history.faults[0].end = 22_000).contains(&Invariant::Again));
    assert!(broken(|history| history.faults[0].process = Some(1)).contains(&Invariant::Again));
}

#[test]
fn a_key_that_stays_is_found() {
    let key = |name: &str, size, expires| Key { name: name.to_owned(), size, expires };
    let with = |key: Key| broken(|history| history.keys.push(key));
    assert_eq!(with(key("{ltq:chaos}:producer:7", 1, true)), []);
    assert_eq!(with(key("{ltq:chaos}:dead", 9_000, false)), []);
    assert_eq!(with(key("ltq:queues", 1, false)), []);
    assert_eq!(with(key("{ltq:chaos}:producer:7", 1, false)), [Invariant::Keys]);
    assert_eq!(with(key("{ltq:chaos}:active:7-a", 1, true)), [Invariant::Keys]);
    assert_eq!(with(key("{ltq:chaos}:dead", 90_000, false)), [Invariant::Keys]);
    assert_eq!(with(key("{ltq:chaos}:news", 1, false)), [Invariant::Keys]);
    assert_eq!(broken(|history| history.left = [0, 0, 1, 0]), [Invariant::Keys]);
}

#[test]
fn a_silent_worker_is_found() {
    let silent = |history: &mut History| history.runs.retain(|run| run.process != 0 || run.start < 33_000);
    assert!(broken(silent).contains(&Invariant::Silent));
    assert_eq!(broken(|history| history.processes[1].unexpected = true), [Invariant::Silent]);
    // The next message of anybody is more than five seconds after Redis is back.
    let outage = |history: &mut History| {
        let fault = Fault::RedisKill { down: Duration::from_secs(1) };
        history.faults.push(Made { fault, party: Party::Redis, process: None, start: 40_100, end: 41_100 });
        history.runs.retain(|run| !(41_000..47_000).contains(&run.start));
    };
    assert!(broken(outage).contains(&Invariant::Silent));
}

#[test]
fn a_result_that_should_have_been_refused_is_found() {
    assert_eq!(broken(|history| history.wrong.push((1, Wrong::SettledByAnother))), [Invariant::Fence]);
    assert_eq!(broken(|history| history.refused = 0), [Invariant::Fence]);
    assert_eq!(broken(|history| history.refused = 2), [Invariant::Fence]);
}
