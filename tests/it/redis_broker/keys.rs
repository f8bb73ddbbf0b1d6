//! Every key a script touches is declared, and every key has a bound or a lifetime.

use std::collections::HashSet;

use fred::types::Value;
use ltq_core::broker::redis::RedisBroker;
use ltq_core::broker::{Ask, Description, End, KnownTasks, Place, ProcessState, Recovery};
use ltq_core::message::{DeadLetter, DeadReason};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;

use super::*;

/// Commands the scripts may use: each has exactly one key, its first argument.
const ONE_KEY: &str = "DEL EXISTS EXPIRE GET HDEL HEXISTS HGET HGETALL HINCRBY HKEYS HLEN HMGET HSCAN HSET LINDEX LLEN LPUSH LRANGE \
                       LTRIM RPUSH SET TYPE ZADD ZCARD ZRANGE ZRANGEBYSCORE ZREM ZREMRANGEBYRANK ZSCORE";

/// Reading the sources covers the branches that no run takes.
#[test]
fn scripts_name_keys_only_by_what_was_declared() {
    for (name, source) in RedisBroker::scripts_text() {
        let source = source.replace("redis.pcall(", "redis.call(").replace("redis.error_reply(", "");
        let code: Vec<&str> = source.lines().map(|line| line.split("--").next().unwrap()).collect();
        let mut declared = HashSet::new();
        for line in &code {
            let Some((names, values)) = line.trim().strip_prefix("local ").and_then(|rest| rest.split_once('=')) else {
                continue;
            };
            if values.trim() == "unpack(KEYS)" {
                declared.extend(names.split(',').map(str::trim));
            }
            for (name, value) in names.split(',').zip(values.split(", ")) {
                if value.trim().starts_with("KEYS[") && value.trim().ends_with(']') {
                    declared.insert(name.trim());
                }
            }
        }
        // A function is handed its keys; the test below sees what it is handed.
        let parameters = code.iter().filter(|line| line.contains("function")).flat_map(|line| names_given(line));
        let handed: HashSet<_> = parameters.collect();
        for line in code.iter().filter(|line| !line.contains("KEYS") && !line.contains("function")) {
            let again = names_given(line).into_iter().find(|name| declared.contains(name));
            assert_eq!(again, None, "{name}: gives a declared name another meaning: {line}");
        }
        let code = code.join("\n");
        let hidden = code.replace("redis.call(", "").replace("redis.sha1hex(", "");
        assert!(!hidden.contains("redis") && !hidden.contains("loadstring"), "{name} could hide a call");
        for call in code.split("redis.call(").skip(1) {
            let mut words = call.split([',', ')']).map(str::trim);
            let command = words.next().unwrap().trim_matches('\'');
            if command == "TIME" {
                continue;
            }
            let key = words.next().unwrap();
            if command == "SORT" {
                // The second key is where it stores; a pattern with an asterisk would name more.
                let stores = call.split("'STORE', ").nth(1).and_then(|rest| rest.split(')').next());
                assert!(
                    stores.is_some_and(|list| declared.contains(list)) && call.contains("'BY', 'nosort'"),
                    "{call}"
                );
            }
            assert!(
                command == "SORT" || ONE_KEY.split(' ').any(|known| known == command),
                "{name}: `{command}` is new; does it take exactly one key?"
            );
            assert!(
                handed.contains(key) || declared.contains(key) || key.starts_with("KEYS["),
                "{name}: `{command}` touches `{key}`"
            );
        }
    }
}

/// The names a line of Lua gives a meaning: by assignment, as a loop's variable, as a parameter.
fn names_given(line: &str) -> Vec<&str> {
    let line = line.trim();
    let names = if let Some((_, parameters)) = line.split_once("function") {
        parameters.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(names, _)| names)
    } else if let Some(variables) = line.strip_prefix("for ") {
        variables.split([' ', '=']).next().unwrap_or("")
    } else {
        line.split_once(" = ").map_or("", |(names, _)| names.trim_start_matches("local "))
    };
    names.split(',').map(str::trim).collect()
}

/// Watching the server covers what the sources only seem to say.
#[tokio::test(flavor = "multi_thread")]
async fn a_workout_touches_only_declared_keys_and_leaves_only_known_ones() {
    for blocks_from in [1, 1_000] {
        work_out(blocks_from).await;
    }
}

async fn work_out(blocks_from: usize) {
    let server = RedisServer::start();
    let options = ConnectOptions::default();
    let broker = RedisBroker::with_blocks_from(blocks_from, &server.unix_url(), &options, None).await.unwrap();
    let client = bare(&server).await;
    let mut monitor = monitor(&server).await;

    workout(broker.as_ref()).await;

    command(&client, "ECHO", &["the end"]).await;
    assert_declared(&mut monitor).await;
    assert_known(&client).await;
    let tokens = command(&client, "LLEN", &["{ltq:q}:wake"]).await.as_i64();
    assert!(tokens <= Some(1), "{tokens:?} tokens");
}

/// Reads up to the end of the workout: scripts touched only what their calls declared.
async fn assert_declared(monitor: &mut Lines<BufReader<UnixStream>>) {
    let mut keys: Vec<String> = Vec::new();
    let mut by_scripts = 0;
    while let Some(line) = monitor.next_line().await.unwrap() {
        if line.contains("\"the end\"") {
            break;
        }
        let words = words(&line);
        let name = words[0].to_uppercase();
        if line.contains(" lua] ") {
            by_scripts += 1;
            assert!(name == "TIME" || keys.contains(&words[1]), "{name} touches the undeclared key {}", words[1]);
            assert!(name != "SORT" || words.last().is_some_and(|list| keys.contains(list)), "{line}");
        } else if name == "EVALSHA" || name == "EVAL" {
            let count: usize = words[2].parse().unwrap();
            keys = words[3..3 + count].to_vec();
            let tag = "{ltq:q}:";
            assert!(keys.iter().all(|key| key.starts_with(tag)), "keys outside of one hash tag: {keys:?}");
        }
    }
    assert!(by_scripts > 100, "the monitor saw {by_scripts} commands of scripts");
}

/// What is left is documented, and is bounded or goes by itself.
async fn assert_known(client: &Client) {
    let known = ["ready", "scheduled", "holders", "notes", "dead", "letters", "wake", "counts"];
    let documented = include_str!("../../../docs/redis-keys.md");
    let Value::Array(found) = command(client, "KEYS", &["*"]).await else { panic!("no list of keys") };
    assert!(!found.is_empty());
    for key in found {
        let key = key.as_string().unwrap();
        if key == "ltq:queues" {
            continue;
        }
        let rest = key.strip_prefix("{ltq:q}:").unwrap_or_else(|| panic!("unknown key {key}"));
        let (kind, of_somebody) = rest.split_once(':').map_or((rest, false), |(kind, _)| (kind, true));
        assert!(documented.contains(&format!(":{kind}")), "docs/redis-keys.md does not know {key}");
        match kind {
            "producer" | "turn" => {
                let left = command(client, "TTL", &[&key]).await.as_i64().unwrap();
                assert!((1..=3600).contains(&left), "{key} lives for {left} s");
            }
            "worker" => {
                let left = command(client, "TTL", &[&key]).await.as_i64().unwrap();
                assert!(
                    of_somebody && (1..=60.max(3 * LEASE.as_secs().cast_signed())).contains(&left),
                    "{key} lives for {left} s"
                );
            }
            // Some commands are tried on it; what is left goes by itself.
            "probe" => assert!(command(client, "TTL", &[&key]).await.as_i64().unwrap() >= 0),
            "active" | "blocks" | "block" => assert!(of_somebody),
            _ => assert!(known.contains(&kind) && !of_somebody, "unknown key {key}"),
        }
    }
}

/// Every call, with everything that makes its script take another branch.
async fn workout(broker: &dyn Broker) {
    publish_in_every_way(broker).await;
    settle_in_every_way(broker).await;
    administer(broker).await;
    let third = WorkerId::new();
    broker.turn(&turn(&third, 1, 2, Vec::new())).await.unwrap();
    tell_of_processes(broker, &third).await;
    assert_eq!(broker.stats(&queue()).await.unwrap().active, 2);
    assert_eq!(broker.queues().await.unwrap(), [queue()]);
    assert_eq!(broker.waits(&[queue()]).remove(0).wait(LEASE).await.unwrap(), Some(queue()));
}

/// Ten messages become ready, one is due later.
async fn publish_in_every_way(broker: &dyn Broker) {
    let producer = ProducerId::new();
    let now = envelopes(8).into_iter().map(|(_, payload)| payload);
    broker.publish(&batch(producer, 1, now, Due::Now)).await.unwrap();
    let later = batch(producer, 2, [envelope().1], Due::After(Duration::from_secs(3600)));
    broker.publish(&later).await.unwrap();
    broker.publish(&later).await.unwrap();
    let past = batch(producer, 3, [envelope().1], Due::At(std::time::UNIX_EPOCH));
    broker.publish(&past).await.unwrap();
    let garbage = batch(producer, 4, [Bytes::from_static(b"no envelope")], Due::Now);
    broker.publish(&garbage).await.unwrap();
}

/// Two of the messages end up as dead letters. The worker loses its lease, and another one leaves.
async fn settle_in_every_way(broker: &dyn Broker) {
    let first = WorkerId::new();
    let taken = broker.turn(&turn(&first, 1, 10, Vec::new())).await.unwrap().taken;
    assert_eq!(taken.len(), 10);
    let letter = |index: usize| {
        let taken = &taken[index];
        taken.dead(DeadLetter::new(taken.id, DeadReason::Failed, "no", 1, taken.payload.clone()))
    };
    let retry = |index: usize, delay| taken[index].retry(taken[index].payload.clone(), Duration::from_millis(delay));
    let settlements = vec![
        taken[0].done(),
        Settlement::new(Place { turn: 7, index: 7 }, End::Done),
        retry(1, 0),
        retry(2, 60_000),
        taken[3].hand_back(taken[3].payload.clone()),
        letter(4),
        letter(5),
        letter(6),
    ];
    let mut second_turn = turn(&first, 2, 1, settlements);
    second_turn.dead_limits = DeadLimits::new(2, Duration::from_secs(3600));
    broker.turn(&second_turn).await.unwrap();
    broker.turn(&second_turn).await.unwrap();

    // A lease of nothing runs out at once.
    broker.renew(&queue(), &first, Duration::ZERO).await.unwrap();
    let second = WorkerId::new();
    broker.turn(&turn(&second, 1, 0, Vec::new())).await.unwrap();
    let renewal = broker.renew(&queue(), &second, LEASE).await.unwrap();
    assert_eq!(renewal.expired, std::slice::from_ref(&first));
    tell_of_processes(broker, &second).await;
    broker.recover(&queue(), &first, Recovery::Expired).await.unwrap();
    let lost = broker.turn(&turn(&first, 3, 1, done(&taken[7..8]))).await.unwrap();
    assert!(lost.lost);

    let again = broker.turn(&turn(&second, 2, 100, Vec::new())).await.unwrap().taken;
    assert!(again.iter().any(|delivered| delivered.recoveries == 1));
    broker.turn(&turn(&second, 3, 0, done(&again[..2]))).await.unwrap();
    broker.recover(&queue(), &second, Recovery::Leaving).await.unwrap();
}

/// What is done to dead letters.
async fn administer(broker: &dyn Broker) {
    let letters = broker.dead_letters(&queue(), 0, 10).await.unwrap();
    assert_eq!(letters.len(), 2);
    assert!(broker.dead_letter(&queue(), letters[0].id).await.unwrap().is_some());
    assert!(broker.replay(&queue(), letters[0].id, letters[0].replay_payload(0)).await.unwrap());
    assert!(broker.delete_dead(&queue(), letters[1].id).await.unwrap());
    assert!(!broker.delete_dead(&queue(), letters[1].id).await.unwrap());
}

async fn tell_of_processes(broker: &dyn Broker, worker: &WorkerId) {
    let undescribed = ProcessState::default();
    assert!(broker.renew_with(&queue(), worker, LEASE, Some(&undescribed)).await.unwrap().describe);
    let description = Description {
        host: "machine".to_owned(),
        pid: 1,
        worker: "w".to_owned(),
        version: "1".to_owned(),
        deployment: None,
        tasks: KnownTasks::Any,
    };
    let described = ProcessState { description: Some(description.into()), ..ProcessState::default() };
    for state in [described, undescribed] {
        assert!(!broker.renew_with(&queue(), worker, LEASE, Some(&state)).await.unwrap().describe);
    }
    assert!(broker.ask_process(&queue(), &worker.process(), Ask::Quiet).await.unwrap());
    assert_eq!(broker.process_records(&queue()).await.unwrap().len(), 1);
}

/// Every command the server runs from now on, one a line.
async fn monitor(server: &RedisServer) -> Lines<BufReader<UnixStream>> {
    let mut stream = UnixStream::connect(server.socket()).await.unwrap();
    stream.write_all(b"MONITOR\r\n").await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("+OK"));
    lines
}

/// The quoted words of a line of the monitor; what is inside them is left escaped.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut inside, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' if !escaped => {
                if inside {
                    words.push(std::mem::take(&mut word));
                }
                inside = !inside;
            }
            _ if inside => word.push(c),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    words
}
