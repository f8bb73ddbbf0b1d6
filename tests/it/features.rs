//! What a program pays for: one that only sends compiles no worker, no command line and no HTTP.

use std::collections::BTreeSet;
use std::process::Command;

/// The packages that `ltq` with these features needs.
fn packages(features: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-p", "ltq", "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--no-default-features", "--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn a_program_that_only_sends_compiles_nothing_that_runs_tasks() {
    let packages = packages("redis");
    assert!(packages.contains("ltq-core") && packages.contains("fred"), "{packages:?}");
    for absent in ["clap", "tower", "governor", "sentry", "axum", "hyper", "reqwest", "rustls", "tracing-subscriber"] {
        assert!(!packages.contains(absent), "`{absent}` is among {packages:?}");
    }
}
