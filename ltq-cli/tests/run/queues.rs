//! Commands that look into queues and change them, on a server of the test's own.

use std::io::Write;
use std::process::{Command, Stdio};

use ltq::{Client, RejectMessage, Shutdown, Worker};
use ltq_tests::conformance::eventually;
use ltq_tests::redis_server::RedisServer;
use serde_json::{Value, json};

use crate::program::{ended, json, ltq};

fn on(server: &RedisServer, arguments: &[&str]) -> Command {
    let mut command = ltq(arguments);
    command.env("LTQ_URL", server.unix_url());
    command
}

/// Runs it and expects this exit code and these texts on stderr.
#[track_caller]
fn fails(mut command: Command, code: i32, parts: &[&str]) {
    let (actual, stderr) = ended(&mut command);
    assert_eq!(actual, code, "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "no `{part}` in:\n{stderr}");
    }
}

#[test]
fn queues_show_what_waits_until_they_are_cleared() {
    let server = RedisServer::start();
    assert!(json(&mut on(&server, &["queues"])).is_empty());
    json(&mut on(&server, &["send", "app::other"]));
    let sent = json(&mut on(&server, &["send", "hello", "--args", r#"{"name": "Ada"}"#, "--queue", "github"]));
    assert_eq!(sent[0]["queue"], "github");
    assert_eq!(sent[0]["id"].as_str().unwrap().len(), 36);
    json(&mut on(&server, &["send", "hello", "--queue", "github", "--delay", "1h"]));

    let queues = json(&mut on(&server, &["queues"]));
    let named: Vec<_> = queues.iter().map(|queue| (&queue["queue"], &queue["ready"], &queue["scheduled"])).collect();
    assert_eq!(named, [(&json!("app::other"), &json!(1), &json!(0)), (&json!("github"), &json!(1), &json!(1))]);
    assert_eq!(json(&mut on(&server, &["size", "github"])), [queues[1].clone()]);
    assert_eq!(queues[1]["counts"]["done"], 0);

    fails(on(&server, &["clear", "github"]), 2, &["no terminal", "2 waiting messages", "--yes"]);
    let cleared = json(&mut on(&server, &["clear", "github", "--yes"]));
    assert_eq!(cleared, [json!({ "queue": "github", "deleted": 2 })]);
    let left = json(&mut on(&server, &["size", "github"]));
    assert_eq!((&left[0]["ready"], &left[0]["scheduled"]), (&json!(0), &json!(0)));
    assert_eq!(json(&mut on(&server, &["size", "app::other"]))[0]["ready"], 1, "another queue stays");
}

#[test]
fn an_unknown_queue_is_answered_with_the_nearest() {
    let server = RedisServer::start();
    json(&mut on(&server, &["send", "hello", "--queue", "github"]));
    for command in [&["size"][..], &["clear", "--yes"], &["dead", "list"]] {
        let arguments = [command, &["githbu"]].concat();
        fails(on(&server, &arguments), 2, &["no queue `githbu`; did you mean `github`?"]);
    }
    fails(on(&server, &["dead", "list", "a queue"]), 2, &["whitespace"]);
}

#[ltq::task(queue = "refused")]
async fn refuse(password: String) -> Result<(), RejectMessage> {
    let _ = password;
    Err(RejectMessage::new("no such user"))
}

/// Sends messages and lets a worker reject them, until there are `total` dead letters.
async fn with_dead_letters(server: &RedisServer, count: u64, total: u64) {
    let client = Client::connect(&server.unix_url()).await.unwrap();
    for _ in 0..count {
        client.send(refuse.message("s3cret")).await.unwrap();
    }
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(Worker::new("refused").run_until(client.clone(), shutdown.clone()));
    eventually(async || (client.queue("refused").unwrap().stats().await.unwrap().dead == total).then_some(())).await;
    shutdown.request();
    worker.await.unwrap().unwrap();
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_shown_replayed_and_deleted() {
    let server = RedisServer::start();
    with_dead_letters(&server, 4, 4).await;
    let letters = json(&mut on(&server, &["dead", "list", "refused"]));
    assert_eq!(letters.len(), 4);
    assert_eq!((&letters[0]["reason"], &letters[0]["attempts"]), (&json!("rejected"), &json!(1)));
    assert!(letters[0]["task"].as_str().unwrap().ends_with("::refuse"), "{}", letters[0]);
    assert!(letters[0]["error"].as_str().unwrap().contains("no such user"), "{}", letters[0]);
    assert!(letters.iter().all(|letter| !letter.to_string().contains("s3cret")));
    assert_eq!(json(&mut on(&server, &["dead", "list", "refused", "--limit", "1", "--offset", "3"])), letters[3..]);

    let id = letters[0]["id"].as_str().unwrap();
    let shown = json(&mut on(&server, &["dead", "show", "refused", id]));
    assert_eq!(shown, letters[..1]);
    let shown = json(&mut on(&server, &["dead", "show", "refused", id, "--show-arguments"]));
    assert_eq!(shown[0]["arguments"], json!({ "password": "s3cret" }));

    let replayed = |count: u64| vec![json!({ "queue": "refused", "replayed": count })];
    assert_eq!(json(&mut on(&server, &["dead", "replay", "refused", id])), replayed(1));
    fails(on(&server, &["dead", "replay", "refused", id]), 1, &["no dead letter", id, "ltq dead list refused"]);
    fails(on(&server, &["dead", "show", "refused", id]), 1, &["no dead letter"]);
    assert_eq!(json(&mut on(&server, &["size", "refused"]))[0]["ready"], 1);

    let deleted = |count: u64| vec![json!({ "queue": "refused", "deleted": count })];
    let id = letters[1]["id"].as_str().unwrap();
    assert_eq!(json(&mut on(&server, &["dead", "delete", "refused", id])), deleted(1));
    assert_eq!(json(&mut on(&server, &["dead", "replay", "refused", "--all"])), replayed(2));
    // The three that were replayed die again.
    with_dead_letters(&server, 3, 6).await;
    fails(on(&server, &["dead", "delete", "refused", "--all"]), 2, &["delete 6 dead letters", "--yes"]);
    assert_eq!(json(&mut on(&server, &["dead", "delete", "refused", "--all", "--yes"])), deleted(6));
    assert!(json(&mut on(&server, &["dead", "list", "refused"])).is_empty());
}

#[test]
fn arguments_can_come_from_standard_input() {
    let server = RedisServer::start();
    let mut command = on(&server, &["send", "hello", "--args", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"name\": \"Ada\"}").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(json(&mut on(&server, &["size", "hello"]))[0]["ready"], 1);
}

#[test]
fn what_cannot_be_sent_is_said_without_the_arguments() {
    let server = RedisServer::start();
    for args in ["[\"s3cret\"]", "{\"password\": s3cret}"] {
        let (code, stderr) = ended(&mut on(&server, &["send", "hello", "--args", args]));
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains("JSON object") && !stderr.contains("s3cret"), "{stderr}");
    }
    fails(on(&server, &["send", "hello", "--queue", "a b"]), 2, &["whitespace"]);
    fails(on(&server, &["send", "hello", "--url", "memory://"]), 2, &["one process", "--url"]);
    assert_eq!(json(&mut on(&server, &["queues"])), [] as [Value; 0]);
}

#[test]
fn a_server_that_is_away_has_its_own_code_and_no_password_is_shown() {
    let mut server = RedisServer::start();
    server.stop();
    let mut command = ltq(&["queues", "--url", &format!("redis://:s3cret@127.0.0.1:{}", server.port())]);
    let (code, stderr) = ended(&mut command);
    assert_eq!(code, 69, "{stderr}");
    assert!(stderr.contains("start a Redis server") && !stderr.contains("s3cret"), "{stderr}");
}
