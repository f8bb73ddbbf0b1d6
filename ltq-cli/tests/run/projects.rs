//! Commands that ask or keep the program they build: `tasks`, `send --path`, `build`.

use ltq_tests::redis_server::RedisServer;
use serde_json::json;

use crate::program::{Running, ended, in_fixtures, json, ltq};

#[test]
fn tasks_are_listed_with_what_is_known_about_them() {
    let tasks = json(&mut ltq(&["tasks", "plain"]));
    let names: Vec<_> = tasks.iter().map(|task| task["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["plain::jobs::hello", "plain::jobs::stuck"]);
    assert_eq!(tasks[0]["queue"], "jobs");
    assert_eq!(tasks[0]["arguments"], json!([{ "name": "name", "type": "String" }]));
    assert_eq!(tasks[1]["options"], json!({ "blocking": true }));
    assert_eq!((&tasks[0]["file"], tasks[0]["line"].is_u64()), (&json!("plain/src/lib.rs"), true));
    assert_eq!(json(&mut ltq(&["tasks", "plain::jobs::worker"])), tasks, "a worker stands for its crate");
    assert_eq!(json(&mut ltq(&["tasks", "plain::jobs::hello"])), tasks[..1]);
    // A variable meant for a running worker changes nothing.
    assert_eq!(json(ltq(&["tasks", "plain"]).env("LTQ_CONCURRENCY", "none")), tasks);

    let (code, stderr) = ended(&mut ltq(&["tasks", "plain::jbos"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean `plain::jobs`?"), "{stderr}");
}

#[test]
fn a_message_for_a_task_that_was_looked_up_runs() {
    let server = RedisServer::start();
    let url = server.unix_url();
    let send = |task: &str, args: &str| {
        let mut command = ltq(&["send", task, "--args", args, "--path", "plain::jobs"]);
        command.env("LTQ_URL", &url);
        command
    };
    let sent = json(&mut send("hello", r#"{"name": "Ada"}"#));
    assert_eq!((&sent[0]["task"], &sent[0]["queue"]), (&json!("plain::jobs::hello"), &json!("jobs")));
    let mut running = Running::start(&mut ltq(&["run", "plain::jobs::idle", "--url", &url]));
    running.wait_for("hello Ada");
    assert_eq!(running.stop().0, 0);

    let (code, stderr) = ended(&mut send("helo", "{}"));
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean `plain::jobs::hello`?"), "{stderr}");
    let (code, stderr) = ended(&mut send("hello", r#"{"nmae": "s3cret"}"#));
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean `name`?") && stderr.contains("name: String"), "{stderr}");
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn a_built_program_runs_alone() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bin").join("worker");
    let build = |path: &str| ltq(&["build", path, "--debug", "--output", program.to_str().unwrap()]);
    let (code, stderr) = ended(&mut build("plain::jobs::wroker"));
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean `plain::jobs::worker`?") && !program.exists(), "{stderr}");

    let (code, stderr) = ended(&mut build("plain::jobs::worker"));
    assert_eq!(code, 0, "{stderr}");
    let mut command = in_fixtures(&program, &["--concurrency", "3"]);
    // As a variable, because this worker sends to itself before it is connected.
    command.env("LTQ_URL", "memory://");
    let mut running = Running::start(command.current_dir(folder.path()).env_remove("CARGO_TARGET_DIR"));
    assert!(running.wait_for("worker started").contains("concurrency=3"));
    running.wait_for("hello plain");
    assert_eq!(running.stop().0, 0);
}
