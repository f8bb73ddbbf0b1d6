//! Steps made by hand, and what they show.

use super::*;

const READY: &[u8] = b"{ltq:chaos}:ready";
const SCHEDULED: &[u8] = b"{ltq:chaos}:scheduled";
const ONE: &[u8] = b"{ltq:chaos}:active:1-a";
const OTHER: &[u8] = b"{ltq:chaos}:active:2-b";
const TURN_OF_ONE: &[&[u8]] = &[b"SET", b"{ltq:chaos}:turn:1-a", b"record"];
const PUBLISH: &[&[u8]] = &[b"SET", b"{ltq:chaos}:producer:p", b"1"];
const RECOVER: &[&[u8]] = &[b"HINCRBY", b"{ltq:chaos}:counts", b"recovered", b"1"];

const PLACE: &[u8] = &[0, 0, 0, 0, 0, 1, 0, 0];
const ENVELOPE: &[u8] = b"\x9a\x01\xc4\x100123456789abcdef and more";

/// What is wrong after the message was published, taken by the first worker, and then these steps.
fn wrong(steps: &[&[&[&[u8]]]]) -> (Vec<Wrong>, History) {
    let mut history = History::default();
    let mut replay = Replay::new(&mut history);
    replay.step(&Step::of(1, &[PUBLISH, &[b"RPUSH", READY, ENVELOPE]]));
    replay.step(&Step::of(2, &[&[b"LPOP", READY, b"5"], &[b"HSET", ONE, PLACE, ENVELOPE], TURN_OF_ONE]));
    for step in steps {
        replay.step(&Step::of(3, step));
    }
    (history.wrong.iter().map(|(_, wrong)| *wrong).collect(), history)
}

#[test]
fn a_message_is_followed_to_its_end() {
    let taken_again: &[&[&[u8]]] =
        &[&[b"LPOP", READY, b"1"], &[b"HSET", OTHER, PLACE, ENVELOPE], &[b"SET", b"{ltq:chaos}:turn:2-b", b"record"]];
    let done: &[&[&[u8]]] = &[&[b"HDEL", OTHER, PLACE], &[b"SET", b"{ltq:chaos}:turn:2-b", b"record"]];
    let (wrong, history) =
        wrong(&[&[&[b"LPUSH", READY, ENVELOPE], &[b"HDEL", ONE, PLACE], RECOVER], taken_again, done]);
    assert_eq!((wrong, history.messages[0].end, history.messages[0].published), (vec![], End::Done, 1));
    assert_eq!(history.handouts.iter().map(|handout| handout.how).collect::<Vec<_>>(), [How::Recovered, How::Done]);
}

#[test]
fn a_turn_may_settle_and_take_the_same_message() {
    let (wrong, history) = wrong(&[&[
        &[b"HDEL", ONE, PLACE],
        &[b"ZADD", SCHEDULED, b"7", ENVELOPE],
        &[b"RPUSH", READY, ENVELOPE],
        &[b"ZREM", SCHEDULED, ENVELOPE],
        &[b"LPOP", READY, b"9"],
        &[b"HSET", ONE, PLACE, ENVELOPE],
        TURN_OF_ONE,
    ]]);
    assert_eq!(wrong, []);
    assert_eq!(history.handouts.iter().map(|handout| handout.how).collect::<Vec<_>>(), [How::Retried, How::StillHeld]);
}

#[test]
fn a_batch_is_followed_to_its_end() {
    const OTHER_ENVELOPE: &[u8] = b"\x9a\x01\xc4\x10fedcba9876543210 and more";
    const LIST: &[u8] = b"{ltq:chaos}:block:2-b:1";
    const BATCHES: &[u8] = b"{ltq:chaos}:blocks:2-b";
    const TURN: &[&[u8]] = &[b"SET", b"{ltq:chaos}:turn:2-b", b"record"];
    let take: &[&[&[u8]]] = &[
        &[b"SORT", READY, b"BY", b"nosort", b"LIMIT", b"0", b"100", b"STORE", LIST],
        &[b"LTRIM", READY, b"100", b"-1"],
        &[b"LPUSH", LIST, b"5:1700000000000"],
        &[b"HSET", BATCHES, b"1", b"5:2:\x03"],
        TURN,
    ];
    let retry: &[&[&[u8]]] =
        &[&[b"ZADD", SCHEDULED, b"7", OTHER_ENVELOPE], &[b"HSET", BATCHES, b"1", b"5:1:\x02"], TURN];
    let done: &[&[&[u8]]] = &[&[b"DEL", LIST], &[b"HDEL", BATCHES, b"1"], TURN];
    let unpack: &[&[&[u8]]] =
        &[&[b"HSET", OTHER, &[0, 0, 0, 0, 0, 5, 0, 1], ENVELOPE], &[b"DEL", LIST], &[b"HDEL", BATCHES, b"1"], TURN];
    let done_alone: &[&[&[u8]]] = &[&[b"HDEL", OTHER, &[0, 0, 0, 0, 0, 5, 0, 1]], TURN];
    let hand_back: &[&[&[u8]]] = &[&[b"LPUSH", READY, ENVELOPE], &[b"HDEL", ONE, PLACE], TURN_OF_ONE];
    let publish: &[&[&[u8]]] = &[&[b"SET", b"{ltq:chaos}:producer:p", b"2"], &[b"LPUSH", READY, OTHER_ENVELOPE]];
    for ending in [&[done][..], &[unpack, done_alone][..]] {
        let steps = [&[hand_back, publish, take, retry], ending].concat();
        let (wrong, history) = wrong(&steps);
        assert_eq!(wrong, []);
        let hows: Vec<_> = history.handouts.iter().map(|handout| handout.how).collect();
        // It was handed back as it was taken, so it had not begun.
        assert_eq!(hows, [How::Left, How::Retried, How::Done]);
        assert_eq!((history.messages[0].end, history.messages[1].end), (End::Done, End::NotYet));
    }
    let (wrong, _) =
        wrong(&[hand_back, publish, take, &[&[b"DEL", LIST], &[b"SET", b"{ltq:chaos}:turn:1-a", b"record"]]]);
    assert_eq!(wrong, [Wrong::SettledByAnother, Wrong::SettledByAnother]);
}

#[test]
fn what_is_wrong_is_found() {
    let found = |steps: &[&[&[&[u8]]]]| wrong(steps).0;
    assert_eq!(
        found(&[&[&[b"ZADD", SCHEDULED, b"7", ENVELOPE], TURN_OF_ONE]]),
        [Wrong::SettledByAnother, Wrong::InTwoPlaces]
    );
    assert_eq!(
        found(&[&[&[b"HDEL", ONE, PLACE], &[b"SET", b"{ltq:chaos}:turn:2-b", b"record"]]]),
        [Wrong::SettledByAnother]
    );
    assert_eq!(found(&[&[&[b"RPUSH", READY, ENVELOPE], PUBLISH]]), [Wrong::PublishedAgain, Wrong::InTwoPlaces]);
    let done: &[&[&[u8]]] = &[&[b"HDEL", ONE, PLACE], TURN_OF_ONE];
    assert_eq!(found(&[done, &[&[b"LPUSH", READY, ENVELOPE]]]), [Wrong::CameBack]);
    let taken: &[&[&[u8]]] = &[&[b"LPOP", READY]];
    assert_eq!(
        found(&[done, &[PUBLISH, &[b"RPUSH", READY, ENVELOPE]], taken]),
        [Wrong::PublishedAgain, Wrong::CameBack, Wrong::Vanished]
    );
}
