//! The step `servers`: the tests that were built for the system's Redis, run on each of the other servers.
//!
//! The variable `LTQ_TEST_SERVER` tells the harness which program to start, so nothing is built again. What is not run on
//! a server is left out by name, with the reason, in `xtask/src/servers/known.rs`; no test decides that for itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::ValueEnum;

use super::{Step, TestError};
use crate::cargo;
use crate::servers::{self, CHAOS, LeftOut, NOWHERE_ELSE, SERVERS, Server};

/// Read by `tests/src/redis_server.rs`.
const SERVER: &str = "LTQ_TEST_SERVER";
/// Read by `tests/it/model/mod.rs`.
const LIVES: &str = "PROPTEST_CASES";
/// How many lives of the model each other server gets, within [`Extent::Core`].
const CORE_LIVES: &str = "100";

/// How much is run on the other servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Extent {
    /// What speaks to Redis most closely: every promise of a broker, the scripts, the model, permissions, Sentinel, Cluster.
    #[default]
    Core,
    /// Every suite that starts a server, in full.
    All,
}

/// Tests of one binary.
#[derive(Debug)]
struct Suite {
    /// The binary.
    target: &'static str,
    /// What the names of the tests begin with; all of the binary if there is none.
    tests: &'static [&'static str],
}

impl Suite {
    /// Whether these tests would be run if they were not left out.
    fn has(&self, left_out: &LeftOut) -> bool {
        left_out.tests != CHAOS
            && (self.tests.is_empty() || self.tests.iter().any(|tests| left_out.tests.starts_with(tests)))
    }
}

const CORE: [Suite; 1] = [Suite {
    target: "it",
    tests: &["server::", "brokers::redis", "redis_broker::", "model::", "durability::", "high_availability::"],
}];

const ALL: [Suite; 2] = [Suite { target: "it", tests: &[] }, Suite { target: "run", tests: &["queues::"] }];

/// Says which servers there are.
pub(super) fn announce(redis: &Path, others: &[(&Server, PathBuf)]) {
    let says = Command::new(redis).arg("--version").output();
    let says = says.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    eprintln!("the system's Redis: {}", says.unwrap_or_else(|error| error.to_string()));
    for (server, program) in others {
        eprintln!("{} ({}): {}", server.name, server.version, program.display());
    }
    if others.is_empty() {
        let names: Vec<_> = SERVERS.iter().map(|server| server.name).collect();
        eprintln!("NOT SHOWN on this kind of machine, for which no programs of them are known: {}", names.join(", "));
    }
}

/// Runs what `extent` says on every server but the system's.
pub(super) fn run(step: Step, root: &Path, extent: Extent) -> Result<(), TestError> {
    let others = servers::ensure()?;
    if others.is_empty() && extent == Extent::All {
        return Err(TestError::NoServers);
    }
    let suites = match extent {
        Extent::Core => CORE.as_slice(),
        Extent::All => ALL.as_slice(),
    };
    for suite in suites {
        check_names(step, root, suite)?;
    }
    let mut times = Vec::new();
    for (server, program) in &others {
        let began = Instant::now();
        eprintln!("\n── {}, {} {}", server.name, server.package, server.package_version);
        on(step, root, server, &program.to_string_lossy(), suites, extent)?;
        times.push(format!("{} {:.1} s", server.name, began.elapsed().as_secs_f32()));
    }
    eprintln!("── {}", times.join(", "));
    Ok(())
}

fn on(
    step: Step,
    root: &Path,
    server: &'static Server,
    program: &str,
    suites: &[Suite],
    extent: Extent,
) -> Result<(), TestError> {
    let mut environment = vec![(SERVER, program)];
    if extent == Extent::Core {
        environment.push((LIVES, CORE_LIVES));
    }
    for suite in suites {
        let mut arguments = vec!["test --workspace --all-features --quiet --test", suite.target, "--"];
        arguments.extend(suite.tests);
        for left_out in all_left_out(server).filter(|left_out| suite.has(left_out)) {
            eprintln!("{left_out}");
            arguments.extend(["--skip", left_out.tests]);
        }
        step.cargo(root, &arguments.join(" "), &environment)?;
    }
    match all_left_out(server).find(|left_out| left_out.tests == CHAOS) {
        _ if extent == Extent::Core => {}
        Some(left_out) => eprintln!("{left_out}"),
        None => step.chaos(root, &environment)?,
    }
    Ok(())
}

fn all_left_out(server: &'static Server) -> impl Iterator<Item = &'static LeftOut> {
    NOWHERE_ELSE.iter().chain(server.left_out)
}

/// A name that fits no test, after a module was renamed, would leave out what is claimed to be shown.
fn check_names(step: Step, root: &Path, suite: &Suite) -> Result<(), TestError> {
    let arguments = format!("test --workspace --all-features --quiet --test {} -- --list --format terse", suite.target);
    let command = format!("cargo {arguments}");
    let output = cargo::command(root)
        .args(arguments.split_whitespace())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|source| TestError::Start { command: command.clone(), source })?;
    if !output.status.success() {
        return Err(TestError::Failed { command, status: output.status, step: step.name() });
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    let left_out = SERVERS.iter().flat_map(all_left_out).filter(|left_out| suite.has(left_out));
    let left_out = left_out.map(|left_out| left_out.tests);
    for tests in suite.tests.iter().copied().chain(left_out) {
        if !listed.lines().any(|line| line.starts_with(tests)) {
            return Err(TestError::NoTests { target: suite.target, tests });
        }
    }
    Ok(())
}
