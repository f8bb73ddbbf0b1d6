//! `ltq dev` on a crate that changes under it.

use std::fs;

use crate::fixtures::{self, LTQ, ONE_WORKER, PROFILE, TOKIO};
use crate::program::{Running, ltq};

#[test]
fn a_change_restarts_and_a_mistake_does_not_stop_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("app");
    fixtures::write(&root.join("Cargo.toml"), &fixtures::manifest("changing", &[LTQ, TOKIO, PROFILE].concat(), ""));
    fixtures::write(&root.join("src").join("lib.rs"), &ONE_WORKER.replace("{name}", "one"));
    fs::copy(fixtures::repository().join("Cargo.lock"), root.join("Cargo.lock")).unwrap();

    let mut running = Running::start(ltq(&["dev", "changing::worker"]).current_dir(&root));
    // No address is given, so it has a server of its own.
    running.wait_for("export LTQ_URL=unix://");
    running.wait_for("hello one");
    fs::write(root.join("src").join("lib.rs"), "fn mistake() -> u32 {}").unwrap();
    running.wait_for("the worker that runs goes on; waiting for a change");
    fs::write(root.join("src").join("lib.rs"), ONE_WORKER.replace("{name}", "two")).unwrap();
    running.wait_for("stopping the worker that runs");
    running.wait_for("worker stopped");
    running.wait_for("hello two");
    let (code, stderr) = running.stop();
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stderr.matches("worker stopped").count(), 2, "{stderr}");
}
