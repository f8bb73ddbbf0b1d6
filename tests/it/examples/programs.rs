//! The programs under test: built once with cargo, started, asked to stop.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::task::JoinHandle;

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The target folder.
    pub(crate) target: PathBuf,
    pub(crate) ltq: PathBuf,
    pub(crate) quickstart: PathBuf,
    pub(crate) github: PathBuf,
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Builds the programs, once per run of the tests. cargo tells only tests of the same package where a program is.
pub(crate) fn build() -> &'static Programs {
    static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| {
        let mut cargo = cargo(root(), &target());
        cargo.args(["build", "--bins", "--package", "ltq-cli", "--package", "examples"]);
        let (code, _) = finish(&mut cargo);
        assert_eq!(code, 0, "the programs do not build; cargo's messages are above");
        let folder = target().join("debug");
        let program = |name: &str| folder.join(name);
        Programs { target: target(), ltq: program("ltq"), quickstart: program("quickstart"), github: program("github") }
    });
    &PROGRAMS
}

/// cargo, in `folder`, with what it builds in `target`.
pub(crate) fn cargo(folder: &Path, target: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).env("CARGO_TARGET_DIR", target);
    // Set for a program that cargo runs; build scripts read variables of these names and would run again.
    let variables = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    for name in variables.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
        cargo.env_remove(name);
    }
    cargo
}

/// The target folder this test was built in: the one above its folder for temporary files.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

/// Runs a program to its end: its exit code and its output. What it writes to stderr is shown.
pub(crate) fn finish(command: &mut Command) -> (i32, String) {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// A program that runs until it is asked to stop, or the test ends.
pub(crate) struct Running {
    child: Child,
    log: JoinHandle<String>,
}

impl Running {
    pub(crate) fn start(command: Command) -> Self {
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
    pub(crate) async fn beside(&mut self, command: Command) -> (i32, String) {
        let mut command = tokio::process::Command::from(command);
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = self.until(command.output()).await.unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    /// Waits for `event` while this program runs.
    ///
    /// # Panics
    ///
    /// This one ended first.
    pub(crate) async fn until<T>(&mut self, event: impl Future<Output = T>) -> T {
        tokio::select! {
            value = event => value,
            status = self.child.wait() => panic!("{}:\n{}", status.unwrap(), (&mut self.log).await.unwrap()),
        }
    }

    /// Asks it to stop, waits for it, and returns what it wrote to stderr.
    ///
    /// # Panics
    ///
    /// It failed, now or before.
    pub(crate) async fn stop(mut self) -> String {
        let pid = self.child.id().unwrap();
        kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGTERM).unwrap();
        let status = self.child.wait().await.unwrap();
        let log = self.log.await.unwrap();
        assert!(status.success(), "{status}:\n{log}");
        log
    }
}
