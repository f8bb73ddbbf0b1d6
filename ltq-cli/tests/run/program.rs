//! Child processes: started, read line by line, asked to stop, ended with the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::fixtures;

/// Only a test that hangs waits as long: the first build of the fixtures is within it.
const PATIENCE: Duration = Duration::from_secs(900);

/// `ltq` in the workspace of fixtures.
pub(crate) fn ltq(arguments: &[&str]) -> Command {
    in_fixtures(Path::new(env!("CARGO_BIN_EXE_ltq")), arguments)
}

/// A program in the workspace of fixtures.
pub(crate) fn in_fixtures(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(fixtures::workspace());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LTQ_")) {
        command.env_remove(name);
    }
    command.env("CARGO_TARGET_DIR", fixtures::target()).env("CARGO_NET_OFFLINE", "true").stdin(Stdio::null());
    command
}

/// Runs it to its end, which must be a good one: the lines it printed, as JSON.
pub(crate) fn json(command: &mut Command) -> Vec<Value> {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs it to its end: exit code and stderr.
pub(crate) fn ended(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// A program that runs until it is asked to stop.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines, seen: String::new() }
    }

    /// Waits for a line with `text` in it, among those not waited for yet, and returns it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push_str(&line);
                    self.seen.push('\n');
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without `{text}`:\n{}", self.seen),
                Err(RecvTimeoutError::Timeout) => panic!("no `{text}`:\n{}", self.seen),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Asks it to stop and returns its exit code and everything it wrote.
    pub(crate) fn stop(mut self) -> (i32, String) {
        self.signal(Signal::SIGTERM);
        let status = self.child.wait().unwrap();
        while let Ok(line) = self.lines.recv() {
            self.seen.push_str(&line);
            self.seen.push('\n');
        }
        (status.code().unwrap(), std::mem::take(&mut self.seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
