//! What the server refuses in the middle of a script, at any of its calls, loses no message.
//!
//! Redis takes nothing back of what a script did before one of its calls was refused. So every command on every key that a
//! script calls is refused in turn, then the cause is mended and the call repeated under its number, as producers and workers
//! do.

use std::collections::BTreeMap;

use ltq_core::broker::redis::RedisBroker;
use ltq_core::broker::{Admin, BrokerError, Consume, Produce, Recovery};
use ltq_core::message::{DeadLetter, DeadReason};
use ltq_tests::redis_server::RedisOptions;

use super::*;

const NOW_MS: u64 = 1_700_000_000_000;
/// More pairs of command and key than any script calls.
const CALLS: u64 = 60;
/// Every key a queue has before anybody uses it, by the end of its name, and a type it never has.
const KEYS: [&str; 11] =
    ["ready", "scheduled", "wake", "holders", "notes", "dead", "letters", "counts", "active:w", "blocks:w", "turn:w"];

struct World {
    broker: Arc<RedisBroker>,
    bare: Client,
    _server: RedisServer,
}

impl World {
    async fn new(blocks_from: usize) -> Self {
        let server = RedisServer::start();
        let url = server.unix_url();
        let options = ConnectOptions::default();
        let broker = RedisBroker::with_blocks_from(blocks_from, &url, &options, Some(NOW_MS)).await.unwrap();
        Self { broker, bare: bare(&server).await, _server: server }
    }

    /// Makes a call whose `nth` pair of command and key is refused, and again when nothing is refused any more. Says whether the first failed.
    async fn refused<T>(
        &self,
        script: &'static str,
        nth: u64,
        mut call: impl AsyncFnMut() -> Result<T, BrokerError>,
    ) -> bool {
        self.broker.refuse(Some((script, nth)));
        let failed = call().await.is_err();
        self.broker.refuse(None);
        if failed {
            call()
                .await
                .unwrap_or_else(|error| panic!("the repeat of {script} after its call {nth} was refused: {error}"));
        }
        failed
    }

    /// Everybody dies, and a last worker takes what is there: how often each message is somewhere.
    async fn everything(&self) -> BTreeMap<MessageId, usize> {
        let last = WorkerId::from_name("last");
        self.broker.advance(LEASE * 2);
        let mut places = BTreeMap::new();
        let mut sequence = 0;
        loop {
            for expired in self.broker.renew(&queue(), &last, LEASE).await.unwrap().expired {
                while self.broker.recover(&queue(), &expired, Recovery::Expired).await.unwrap().more {}
            }
            sequence += 1;
            let reply = self.broker.turn(&turn(&last, sequence, 100, Vec::new())).await.unwrap();
            for delivered in &reply.taken {
                *places.entry(delivered.id).or_default() += 1;
            }
            if reply.taken.is_empty() && !reply.more {
                break;
            }
        }
        for letter in self.broker.dead_letters(&queue(), 0, 100).await.unwrap() {
            *places.entry(letter.id).or_default() += 1;
        }
        places
    }

    async fn flush(&self) {
        command(&self.bare, "FLUSHALL", &[]).await;
    }
}

fn assert_all(what: &str, sent: &[MessageId], places: &BTreeMap<MessageId, usize>) {
    for (index, id) in sent.iter().enumerate() {
        let times = places.get(id).copied().unwrap_or(0);
        // At most what the first try and the repeat put somewhere.
        assert!((1..=2).contains(&times), "{what}: message {index} is in {times} places");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_is_refused_at_any_call_loses_nothing() {
    let world = World::new(1_000).await;
    for due in [Due::Now, Due::After(Duration::from_millis(5))] {
        for answered in [false, true] {
            for earlier in [false, true] {
                for nth in 1..CALLS {
                    world.flush().await;
                    let producer = ProducerId::new();
                    let (mut sent, payloads): (Vec<_>, Vec<_>) = envelopes(3).into_iter().unzip();
                    if earlier {
                        let (id, payload) = envelope();
                        sent.push(id);
                        world.broker.publish(&batch(producer, 1, [payload], Due::Now)).await.unwrap();
                    }
                    let publish = Publish { answered, ..batch(producer, 2, payloads, due) };
                    let script = if answered { "publish_answered" } else { "publish" };
                    let publishing = async || world.broker.publish(&publish).await;
                    world.refused(script, nth, publishing).await;
                    let what = format!("{due:?}, answered {answered}, earlier {earlier}, call {nth}");
                    assert_all(&what, &sent, &world.everything().await);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_is_refused_at_any_call_loses_nothing() {
    for blocks_from in [1, 1_000] {
        let world = World::new(blocks_from).await;
        for full in [false, true] {
            let mut failures = 0;
            for nth in 1..CALLS {
                world.flush().await;
                failures += u64::from(settle_and_take(&world, full, nth).await);
            }
            assert!(failures > 10, "only {failures} calls of the script were refused");
        }
    }
}

/// A turn that does all that a turn can do.
async fn settle_and_take(world: &World, full: bool, nth: u64) -> bool {
    let broker = &world.broker;
    let mut sent = publish(broker.as_ref(), 20).await;
    let later = envelope();
    sent.push(later.0);
    let delayed = batch(ProducerId::new(), 1, [later.1], Due::After(Duration::from_millis(5)));
    broker.publish(&delayed).await.unwrap();
    // Some of them were recovered before.
    let first = WorkerId::from_name("first");
    broker.turn(&turn(&first, 1, 3, Vec::new())).await.unwrap();
    broker.renew(&queue(), &first, Duration::ZERO).await.unwrap();
    broker.recover(&queue(), &first, Recovery::Expired).await.unwrap();

    let worker = WorkerId::from_name("w");
    let taken = broker.turn(&turn(&worker, 1, 10, Vec::new())).await.unwrap().taken;
    let letter = |index: usize| {
        let message: &Delivered = &taken[index];
        message.dead(DeadLetter::new(message.id, DeadReason::Failed, "no", 1, message.payload.clone()))
    };
    let settlements = vec![
        taken[0].done(),
        taken[5].done(),
        taken[1].hand_back(taken[1].payload.clone()),
        letter(2),
        taken[6].retry(taken[6].payload.clone(), Duration::from_millis(1)),
        taken[7].hand_back(taken[7].payload.clone()),
        letter(8),
    ];
    let ended = [taken[0].id, taken[5].id];
    broker.advance(Duration::from_millis(10));
    let script = if full { "turn_full" } else { "turn" };
    let second = Turn { full, ..turn(&worker, 2, 4, settlements) };
    let failed = world.refused(script, nth, async || broker.turn(&second).await).await;

    let places = world.everything().await;
    let (ended, alive): (Vec<_>, Vec<_>) = sent.into_iter().partition(|id| ended.contains(id));
    assert_all(&format!("full {full}, call {nth}"), &alive, &places);
    for id in ended {
        assert_eq!(places.get(&id), None, "full {full}, call {nth}: a message that is done is still there");
    }
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_or_repair_that_is_refused_at_any_call_loses_nothing() {
    for blocks_from in [1, 1_000] {
        let world = World::new(blocks_from).await;
        let broker = &world.broker;
        for nth in 1..CALLS {
            for recovery in [Recovery::Expired, Recovery::Leaving] {
                world.flush().await;
                let sent = publish(broker.as_ref(), 12).await;
                let worker = WorkerId::from_name("w");
                broker.turn(&turn(&worker, 1, 10, Vec::new())).await.unwrap();
                broker.advance(LEASE * 2);
                world.refused("recover", nth, async || broker.recover(&queue(), &worker, recovery).await).await;
                assert_all(&format!("{recovery:?}, call {nth}"), &sent, &world.everything().await);
            }
            world.flush().await;
            let sent = publish(broker.as_ref(), 1).await;
            let worker = WorkerId::from_name("w");
            let taken = broker.turn(&turn(&worker, 1, 1, Vec::new())).await.unwrap().taken;
            let letter = DeadLetter::new(taken[0].id, DeadReason::Failed, "no", 1, taken[0].payload.clone());
            broker.turn(&turn(&worker, 2, 0, vec![taken[0].dead(letter)])).await.unwrap();
            let payload = taken[0].payload.clone();
            world.refused("replay", nth, async || broker.replay(&queue(), sent[0], payload.clone()).await).await;
            let places = world.everything().await;
            assert_eq!(places.values().sum::<usize>(), 1, "a replay whose call {nth} was refused: {places:?}");
        }
    }
}

/// A key of a wrong type that was there first: nothing is changed until it is gone, then everything goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_wrong_type_changes_nothing() {
    let world = World::new(1).await;
    let broker = &world.broker;
    for key in KEYS {
        world.flush().await;
        let spoilt = format!("{{ltq:q}}:{key}");
        let spoil = async || {
            let (name, args): (_, &[&str]) =
                if key.starts_with("turn") { ("RPUSH", &[&spoilt, "x"]) } else { ("SET", &[&spoilt, "x"]) };
            command(&world.bare, name, args).await;
        };
        spoil().await;
        let producer = ProducerId::new();
        let (id, payload) = envelope();
        let publish = batch(producer, 1, [payload], Due::Now);
        let published = broker.publish(&publish).await;
        if let Err(error) = &published {
            assert!(matches!(error, BrokerError::WrongType { .. }), "{key}: {error:?}");
            command(&world.bare, "DEL", &[&spoilt]).await;
            broker.publish(&publish).await.unwrap();
            spoil().await;
        }
        let first = turn(&WorkerId::from_name("w"), 1, 5, Vec::new());
        if !(published.is_err() && key == "ready") {
            let error = broker.turn(&first).await.unwrap_err();
            assert!(matches!(error, BrokerError::WrongType { .. }), "{key}: {error:?}");
            assert!(error.to_string().contains("wrong") || error.to_string().contains("LTQ"), "{error}");
            command(&world.bare, "DEL", &[&spoilt]).await;
            assert_eq!(broker.turn(&first).await.unwrap().taken.len(), 1, "{key}");
            let places = world.everything().await;
            assert_eq!(places, BTreeMap::from([(id, 1)]), "{key}");
        }
    }
}

/// A user who lacks one command: who needs it is told so at once, by a list of all that is missing, and nothing is changed.
#[tokio::test(flavor = "multi_thread")]
async fn each_missing_permission_is_found_before_anything_is_changed() {
    let granted = ["+@all", "-hset", "-zadd"];
    let options = ["--user", "worker", "on", ">secret", "~*", "&*"].into_iter().chain(granted);
    let server = options.fold(RedisServer::options(), RedisOptions::arg).start();
    let url = format!("redis://worker:secret@127.0.0.1:{}", server.port());
    let broker = connect(&url, &ConnectOptions::default()).await.unwrap();
    let client = bare(&server).await;
    let required = required_commands();
    assert!(required.len() > 25, "{required:?}");

    let refused = broker.prove(&queue()).await.unwrap_err().to_string();
    assert!(refused.contains("+hset +zadd") || refused.contains("+zadd +hset"), "{refused}");
    command(&client, "ACL", &["SETUSER", "worker", "+@all"]).await;
    broker.prove(&queue()).await.unwrap();
    for missing in required {
        command(&client, "ACL", &["SETUSER", "worker", "+@all", &format!("-{missing}")]).await;
        let refused = broker.prove(&queue()).await.unwrap_err().to_string();
        assert!(refused.contains(&format!("+{missing}")) && !refused.contains("secret"), "{missing}: {refused}");
    }
    let left = command(&client, "KEYS", &["*"]).await.into_array();
    assert!(left.iter().all(|key| key.as_string().is_some_and(|key| key.contains(":probe:"))), "{left:?}");
    // Producers are told by their first publish to a queue.
    command(&client, "ACL", &["SETUSER", "worker", "+@all", "-rpush"]).await;
    let refused = broker.publish(&batch(ProducerId::new(), 1, [envelope().1], Due::Now)).await.unwrap_err();
    assert!(matches!(refused, BrokerError::Refused { .. }) && refused.to_string().contains("+rpush"), "{refused}");
}

/// Every command of the scripts that move messages, read from their text; `SORT` alone can be done without.
fn required_commands() -> Vec<String> {
    let texts = RedisBroker::scripts_text().into_iter();
    let moving = texts.filter(|(name, _)| ["publish", "turn", "renew", "recover"].contains(name));
    let mut commands: Vec<String> = moving
        .flat_map(|(_, text)| text.split("redis.call('").chain(text.split("redis.pcall('")).skip(1).collect::<Vec<_>>())
        .filter_map(|call| call.split_once('\'').map(|(command, _)| command.to_lowercase()))
        .filter(|command| command.chars().all(|letter| letter.is_ascii_lowercase()) && command != "sort")
        .collect();
    commands.sort();
    commands.dedup();
    commands
}
