//! A crate made by `ltq new` tests, runs and takes messages as it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use ltq_tests::redis_server::RedisServer;

use crate::fixtures;
use crate::program::{Running, ended, in_fixtures, json, ltq};

#[test]
fn a_new_crate_tests_sends_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let repository = fixtures::repository();
    let new = |name: &str, ltq_path: &Path| {
        let mut command = ltq(&["new", name, "--ltq-path", ltq_path.to_str().unwrap()]);
        command.current_dir(folder.path());
        command
    };
    let (code, stderr) = ended(&mut new("first-hour", &repository));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("ltq dev first_hour::worker"), "{stderr}");
    let krate = folder.path().join("first-hour");
    let manifest = fs::read_to_string(krate.join("Cargo.toml")).unwrap();
    fs::write(krate.join("Cargo.toml"), manifest + fixtures::PROFILE).unwrap();
    // The versions of this repository: they are downloaded already.
    fs::copy(repository.join("Cargo.lock"), krate.join("Cargo.lock")).unwrap();

    let server = RedisServer::start();
    let inside = |mut command: Command| {
        command.current_dir(&krate).env("LTQ_URL", server.unix_url());
        command
    };
    let cargo = |arguments: &[&str]| inside(in_fixtures(Path::new(env!("CARGO")), arguments));
    let (code, stderr) = ended(&mut cargo(&["test"]));
    assert_eq!(code, 0, "{stderr}");
    let (code, stderr) = ended(&mut cargo(&["run", "--bin", "send", "--", "Ada"]));
    assert_eq!(code, 0, "{stderr}");
    let mut running = Running::start(&mut inside(ltq(&["run", "first_hour::worker"])));
    running.wait_for("worker started");
    let done = || json(&mut inside(ltq(&["size", "first-hour"])))[0]["counts"]["done"] == 1;
    while !done() {}
    assert_eq!(running.stop().0, 0);

    let (code, stderr) = ended(&mut new("first-hour", &repository));
    assert_eq!(code, 2);
    assert!(stderr.contains("is there already"), "{stderr}");
    let (code, stderr) = ended(&mut new("other", folder.path()));
    assert_eq!(code, 2);
    assert!(stderr.contains("no package `ltq`") && !folder.path().join("other").exists(), "{stderr}");
}
