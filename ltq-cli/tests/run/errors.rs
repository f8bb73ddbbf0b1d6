//! What does not run, and what is said about it.

use std::net::TcpListener;

use crate::program::{ended, ltq};

/// Runs `ltq run` with these arguments, expects this exit code, and returns what it wrote.
fn fails(code: i32, arguments: &[&str]) -> String {
    let (actual, stderr) = ended(&mut ltq(&[&["run"], arguments].concat()));
    assert_eq!(actual, code, "{stderr}");
    stderr
}

#[track_caller]
fn says(stderr: &str, parts: &[&str]) {
    for part in parts {
        assert!(stderr.contains(part), "no `{part}` in:\n{stderr}");
    }
}

#[test]
fn no_workspace() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stderr) = ended(ltq(&["run", "plain::jobs"]).current_dir(folder.path()));
    assert_eq!(code, 2);
    says(&stderr, &["no Cargo.toml", "--manifest-path"]);
}

#[test]
fn an_unknown_package_is_answered_with_the_nearest() {
    says(&fails(2, &["plian::jobs::worker"]), &["no package `plian`", "did you mean `plain`?", "dash-ed, no-library"]);
}

#[test]
fn a_package_without_a_library() {
    says(&fails(2, &["no-library::worker"]), &["`no-library` has no library", "src/lib.rs", "`no_library::…`"]);
}

#[test]
fn a_package_without_ltq() {
    says(&fails(2, &["no-ltq::worker"]), &["cargo add ltq --package no-ltq"]);
}

#[test]
fn an_unknown_feature() {
    says(&fails(2, &["plain::jobs", "--features", "extar"]), &["`extar`", "plain/extra"]);
}

#[test]
fn an_unknown_path_is_answered_with_the_nearest() {
    let stderr = fails(2, &["plain::jobs::wroker"]);
    says(&stderr, &["`plain::jobs::wroker`", "did you mean `plain::jobs::worker`?", "\n  plain::jobs\n"]);
}

#[test]
fn no_task_registered() {
    says(&fails(2, &["no-task"]), &["`no_task` registers no task and no worker", "#[ltq::task]"]);
}

#[test]
fn a_worker_that_cannot_start_ends_the_others() {
    let stderr = fails(2, &["plain::jobs::idle", "plain::jobs::mistaken", "--url", "memory://"]);
    says(&stderr, &["`no-task-uses-this`", "nothing to do"]);
}

#[test]
fn one_list_of_queues_for_several_workers() {
    let stderr = fails(2, &["plain::jobs::worker", "dash-ed::worker", "--url", "memory://", "--queues", "jobs"]);
    says(&stderr, &["--queues", "one `ltq run` per PATH"]);
}

#[test]
fn a_worker_function_that_panics() {
    says(&fails(1, &["plain::jobs::broken"]), &["no database", "the worker function panicked"]);
}

#[test]
fn code_that_does_not_compile_shows_what_cargo_says() {
    let stderr = fails(101, &["broken::worker"]);
    says(&stderr, &["error[E0308]: mismatched types", "broken/src/lib.rs:2", "`broken` did not build"]);
}

#[test]
fn an_unreachable_redis_shows_the_host_and_not_the_password() {
    // A port that was free a moment ago refuses.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://user:hunter2@127.0.0.1:{port}");
    for format in ["text", "json"] {
        let stderr = fails(69, &["plain::jobs", "--url", &url, "--log-format", format]);
        says(&stderr, &[&format!("127.0.0.1:{port}"), "LTQ_URL", "redis-server"]);
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
}

#[test]
fn an_address_that_is_none() {
    let stderr = fails(2, &["plain::jobs", "--url", "http://user:hunter2@host"]);
    says(&stderr, &["http", "redis://"]);
    assert!(!stderr.contains("hunter2"), "{stderr}");
}

#[test]
fn wrong_flags_are_found_before_anything_is_built() {
    says(&fails(2, &["plain::jobs", "--concurrency", "0"]), &["--concurrency"]);
    says(&fails(2, &["plain::jobs", "--log-level", "inof"]), &["`inof` is not a level", "debug"]);
    says(&fails(2, &["plain/src/lib.rs"]), &["crate::module"]);
    assert!(!fails(2, &["plain::jobs", "--shutdown-timeout", "soon"]).contains("Compiling"));
}

#[test]
fn help_tells_flags_variables_and_exit_codes_but_no_password() {
    let output = ltq(&["run", "--help"]).env("LTQ_URL", "redis://:hunter2@host").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    says(
        &help,
        &["--url", "[env: LTQ_URL]", "LTQ_SHUTDOWN_TIMEOUT", "LTQ_MANIFEST_PATH", "redis://localhost:6379", "69"],
    );
    assert!(!help.contains("hunter2"), "{help}");
}
