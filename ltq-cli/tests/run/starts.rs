//! What runs: members of every shape, modules, several paths, flags and their variables.

use std::path::Path;

use nix::sys::signal::Signal;

use crate::fixtures;
use crate::program::{Running, in_fixtures, ltq};

/// Starts a path on a broker of its own and waits until its task has run.
fn runs(path: &str, says: &str) {
    let mut running = Running::start(&mut ltq(&["run", path, "--url", "memory://"]));
    running.wait_for(says);
    let (code, stderr) = running.stop();
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("worker stopped"), "{stderr}");
}

#[test]
fn a_worker_function_runs_as_the_workspace_would_build_it() {
    // Its config and its profile apply; the current folder may be any of the workspace.
    let mut command = ltq(&["run", "plain::jobs::worker", "--url", "memory://"]);
    let mut running = Running::start(command.current_dir(fixtures::workspace().join("plain").join("src")));
    running.wait_for("hello plain, config read, debug assertions false");
    assert_eq!(running.stop().0, 0);
}

#[test]
fn another_path_or_start_builds_nothing() {
    for path in ["plain::jobs::worker", "plain::jobs::idle", "plain::jobs", "plain"] {
        let mut running = Running::start(&mut ltq(&["run", path, "--url", "memory://"]));
        running.wait_for("worker started");
        let (code, stderr) = running.stop();
        assert_eq!(code, 0, "{stderr}");
        // The first may be the first of all tests.
        assert!(path.ends_with("worker") || !stderr.contains("Compiling"), "{path}: {stderr}");
    }
}

#[test]
fn a_package_with_dashes_a_library_and_a_binary_runs() {
    runs("dash-ed::worker", "hello dashed");
    runs("dash_ed::worker", "hello dashed");
}

#[test]
fn a_library_of_another_name_runs_under_both() {
    runs("renamed::worker", "hello renamed");
    runs("other_name::worker", "hello renamed");
}

#[test]
fn a_library_that_calls_ltq_by_another_name_runs() {
    runs("aliased::worker", "hello aliased");
}

#[test]
fn a_patch_of_the_workspace_applies() {
    runs("patched::worker", "hello from the patch");
}

#[test]
fn a_manifest_can_be_named_from_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = fixtures::workspace().join("dash-ed").join("Cargo.toml");
    let mut command =
        ltq(&["run", "dash-ed::worker", "--url", "memory://", "--manifest-path", manifest.to_str().unwrap()]);
    let mut running = Running::start(command.current_dir(folder.path()));
    running.wait_for("hello dashed");
    assert_eq!(running.stop().0, 0);
}

#[test]
fn several_paths_run_in_one_process() {
    let mut running =
        Running::start(&mut ltq(&["run", "plain::jobs::worker", "dash-ed::worker", "--url", "memory://"]));
    // Whichever is first.
    let first = running.wait_for("hello ");
    running.wait_for(if first.contains("plain") { "hello dashed" } else { "hello plain" });
    assert_eq!(running.stop().0, 0);
}

#[test]
fn features_reach_the_crate() {
    for feature in ["extra", "plain/extra"] {
        let mut running =
            Running::start(&mut ltq(&["run", "plain::extra", "--features", feature, "--url", "memory://"]));
        assert!(running.wait_for("worker started").contains("plain::extra::more"));
        assert_eq!(running.stop().0, 0);
    }
}

#[test]
fn flags_can_be_variables_and_a_flag_wins() {
    let mut command = ltq(&["run", "plain::jobs", "--queues", "jobs,more"]);
    command.env("LTQ_URL", "memory://").env("LTQ_CONCURRENCY", "7").env("LTQ_LOG_FORMAT", "json");
    let mut running = Running::start(command.env("LTQ_QUEUES", "other"));
    let line = running.wait_for("worker started");
    assert!(line.starts_with('{') && line.contains("\"concurrency\":7"), "{line}");
    assert!(line.contains("more") && !line.contains("other"), "{line}");
    assert_eq!(running.stop().0, 0);
}

#[test]
fn ctrl_c_stops_like_sigterm() {
    let mut running = Running::start(&mut ltq(&["run", "plain::jobs::idle", "--url", "memory://"]));
    running.wait_for("worker started");
    running.signal(Signal::SIGINT);
    running.wait_for("worker stopped");
}

#[test]
fn a_second_signal_ends_it_although_a_blocking_task_never_does() {
    let mut running = Running::start(&mut ltq(&["run", "plain::jobs::stuck_worker", "--url", "memory://"]));
    running.wait_for("stuck now");
    running.signal(Signal::SIGTERM);
    running.wait_for("stopping");
    assert_eq!(running.stop().0, 0);
}

#[test]
fn a_main_of_its_own_has_the_same_flags() {
    let cargo = Path::new(env!("CARGO"));
    let arguments = ["run", "--package", "dash-ed", "--", "--url", "memory://", "--concurrency", "3"];
    let mut running = Running::start(&mut in_fixtures(cargo, &arguments));
    assert!(running.wait_for("worker started").contains("concurrency=3"));
    assert_eq!(running.stop().0, 0);
}
