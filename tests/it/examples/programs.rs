//! The programs under test: built once with cargo, started, asked to stop.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::task::JoinHandle;

/// Where the programs are, by name.
#[derive(Debug)]
pub(super) struct Programs(HashMap<String, PathBuf>);

impl Programs {
    pub(super) fn path(&self, name: &str) -> &Path {
        self.0.get(name).unwrap_or_else(|| panic!("cargo did not say where `{name}` is"))
    }
}

/// The folder of the workspace.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Builds the programs, once per run of the tests. cargo tells only tests of the same package where a program is.
pub(super) fn build() -> &'static Programs {
    static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--bins", "--package", "ltq-cli", "--package", "examples"]);
        cargo.arg("--message-format=json-render-diagnostics").current_dir(root());
        // Set for a program that cargo runs; build scripts read variables of these names and would run again.
        let variables = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
        for name in variables.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
        let (code, output) = finish(&mut cargo);
        assert_eq!(code, 0, "the programs do not build; cargo's messages are above");
        let messages: Vec<Value> = output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let built = messages.iter().filter_map(|message| {
            let file = message["executable"].as_str()?;
            Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(file)))
        });
        Programs(built.collect())
    });
    &PROGRAMS
}

/// Runs a program to its end: its exit code and its output. What it writes to stderr is shown.
pub(super) fn finish(command: &mut Command) -> (i32, String) {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// A program that runs until it is asked to stop, or the test ends.
pub(super) struct Running {
    child: Child,
    log: JoinHandle<String>,
}

impl Running {
    pub(super) fn start(command: Command) -> Self {
        let mut command = tokio::process::Command::from(command);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        // Read all the time, or the program would stop at a full pipe.
        let log = tokio::spawn(async move {
            let mut log = String::new();
            stderr.read_to_string(&mut log).await.unwrap();
            log
        });
        Self { child, log }
    }

    /// Runs another program to its end while this one runs: its exit code and its output.
    ///
    /// # Panics
    ///
    /// This one ended first.
    pub(super) async fn beside(&mut self, command: Command) -> (i32, String) {
        let mut command = tokio::process::Command::from(command);
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        tokio::select! {
            output = command.output() => {
                let output = output.unwrap();
                (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
            }
            status = self.child.wait() => panic!("{}:\n{}", status.unwrap(), (&mut self.log).await.unwrap()),
        }
    }

    /// Asks it to stop, waits for it, and returns what it wrote to stderr.
    ///
    /// # Panics
    ///
    /// It failed, now or before.
    pub(super) async fn stop(mut self) -> String {
        let pid = self.child.id().unwrap();
        kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGTERM).unwrap();
        let status = self.child.wait().await.unwrap();
        let log = self.log.await.unwrap();
        assert!(status.success(), "{status}:\n{log}");
        log
    }
}
