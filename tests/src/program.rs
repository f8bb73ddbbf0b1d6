//! [`Program`]: a child process of a test: its output line by line, its signals, its end.
//!
//! A program runs in a process group of its own, so that when the test drops it, everything it started ends with it and
//! nothing else does. Waiting has a deadline everywhere; what a failed wait prints is the program's whole output.

use std::ffi::OsStr;
use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a wait takes at most where the caller does not say.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One line of output, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it came from.
    pub stream: Stream,
    /// What it says; bytes that are no text are replaced.
    pub text: String,
}

/// One of the two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A program that is to be started.
#[derive(Debug)]
#[must_use = "it does not run until it is started"]
pub struct Builder {
    command: Command,
}

impl Builder {
    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable; the others are the test's own.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes an environment variable away.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Sets the folder it runs in.
    pub fn dir(mut self, dir: impl AsRef<std::path::Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[track_caller]
    pub fn start(mut self) -> Program {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("cannot start {self:?}: {error}"));
        let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap());
        let lines = watch::Sender::new(Vec::new());
        let readers = vec![
            read(child.stdout.take().unwrap(), Stream::Out, lines.clone()),
            read(child.stderr.take().unwrap(), Stream::Err, lines.clone()),
        ];
        Program { child, pid, lines, readers, status: None }
    }
}

/// A running program, or one that has ended.
pub struct Program {
    child: Child,
    pid: Pid,
    lines: watch::Sender<Vec<Line>>,
    readers: Vec<JoinHandle<()>>,
    status: Option<ExitStatus>,
}

impl Program {
    /// A program by its path or name.
    #[expect(clippy::new_ret_no_self, reason = "a program exists once it is started")]
    pub fn new(path: impl AsRef<OsStr>) -> Builder {
        Builder { command: Command::new(path) }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The output so far, both streams in the order in which they were read.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.lines.borrow().clone()
    }

    /// The output so far as one text, for messages.
    #[must_use]
    pub fn output(&self) -> String {
        self.lines.borrow().iter().map(|line| format!("{}\n", line.text)).collect()
    }

    /// Waits for a line that contains `text`, written before or from now on.
    ///
    /// # Panics
    ///
    /// None came within [`PATIENCE`], or the program ended its output without it.
    pub async fn wait_for(&self, text: &str) -> Line {
        self.wait_until(&format!("a line with `{text}`"), |lines| {
            lines.iter().find(|line| line.text.contains(text)).cloned()
        })
        .await
    }

    /// Waits until `find` finds something in the output. `what` is for the message.
    ///
    /// # Panics
    ///
    /// Nothing was found within [`PATIENCE`], or the program ended its output without it.
    pub async fn wait_until<T>(&self, what: &str, mut find: impl FnMut(&[Line]) -> Option<T>) -> T {
        let mut changes = self.lines.subscribe();
        let mut found = None;
        let ended = async {
            while !self.readers.iter().all(JoinHandle::is_finished) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let search = async {
            tokio::select! {
                // Fails only when the sender is gone, and it is held by `self`.
                _ = changes.wait_for(|lines| { found = find(lines); found.is_some() }) => {}
                () = ended => {}
            }
        };
        let in_time = timeout(PATIENCE, search).await.is_ok();
        if found.is_none() {
            // The last lines may have come with the end.
            found = find(&self.lines.borrow());
        }
        let why = if in_time { "its output ended" } else { "time ran out" };
        found.unwrap_or_else(|| {
            panic!("waiting for {what} of process {}: {why}. Its output:\n{}", self.pid, self.output())
        })
    }

    /// Sends a signal to the program itself, not to what it started.
    ///
    /// # Panics
    ///
    /// It has ended and was waited for, or the signal cannot be sent.
    pub fn signal(&self, signal: Signal) {
        assert!(self.status.is_none(), "process {} has ended already", self.pid);
        kill(self.pid, signal).unwrap_or_else(|error| panic!("cannot send {signal} to {}: {error}", self.pid));
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().unwrap();
        }
        self.status.is_none()
    }

    /// Waits for its end, and for the rest of its output.
    ///
    /// # Panics
    ///
    /// It runs on after `at_most`.
    pub async fn wait_exit(&mut self, at_most: Duration) -> ExitStatus {
        if let Some(status) = self.status {
            return status;
        }
        let Ok(status) = timeout(at_most, self.child.wait()).await else {
            panic!("process {} still runs after {at_most:?}. Its output:\n{}", self.pid, self.output());
        };
        let status = status.unwrap();
        self.status = Some(status);
        // What it started may hold the pipes open; then what came so far is the output.
        for reader in &mut self.readers {
            let _ = timeout(Duration::from_secs(1), reader).await;
        }
        status
    }

    /// Waits for its end and asserts the exit code.
    ///
    /// # Panics
    ///
    /// It runs on after `at_most`, was ended by a signal, or had another code.
    pub async fn expect_exit(&mut self, at_most: Duration, code: i32) {
        let status = self.wait_exit(at_most).await;
        assert_eq!(status.code(), Some(code), "{status}. Its output:\n{}", self.output());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The id is the program's as long as its end was not collected, even if it has ended.
        if self.is_running() {
            let _ = killpg(self.pid, Signal::SIGKILL);
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("pid", &self.pid).field("status", &self.status).finish_non_exhaustive()
    }
}

fn read(from: impl AsyncRead + Unpin + Send + 'static, stream: Stream, to: watch::Sender<Vec<Line>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let (mut from, mut bytes) = (BufReader::new(from), Vec::new());
        while from.read_until(b'\n', &mut bytes).await.is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            to.send_modify(|lines| lines.push(Line { stream, text }));
            bytes.clear();
        }
    })
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;
    use crate::conformance::eventually;

    fn shell(script: &str) -> Program {
        Program::new("sh").arg("-c").arg(script).start()
    }

    #[tokio::test]
    async fn output_and_exit_code_are_seen() {
        let mut program =
            Program::new("sh").args(["-c", "echo $WORD; echo bad >&2; exit 3"]).env("WORD", "good").start();
        assert_eq!(program.wait_for("good").await.stream, Stream::Out);
        assert_eq!(program.wait_for("bad").await.stream, Stream::Err);
        program.expect_exit(PATIENCE, 3).await;
    }

    #[tokio::test]
    async fn a_signal_is_sent() {
        let mut program = shell("trap 'echo stopping; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
        program.wait_for("ready").await;
        assert!(program.is_running());
        program.signal(Signal::SIGTERM);
        program.wait_for("stopping").await;
        program.expect_exit(PATIENCE, 0).await;
    }

    #[tokio::test]
    #[should_panic(expected = "its output ended. Its output:\none\n")]
    async fn waiting_for_what_never_comes_ends_with_the_program() {
        shell("echo one").wait_for("two").await;
    }

    #[tokio::test]
    async fn dropping_it_ends_all_it_started() {
        let program = shell("sleep 600 & echo child $!; wait");
        let line = program.wait_for("child").await.text;
        let child = Pid::from_raw(line.strip_prefix("child ").unwrap().parse().unwrap());
        drop(program);
        eventually(|| async { (kill(child, None) == Err(Errno::ESRCH) || is_zombie(child)).then_some(()) }).await;
    }

    /// An orphan that ended stays in the table until whoever adopted it looks.
    fn is_zombie(pid: Pid) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
    }
}
