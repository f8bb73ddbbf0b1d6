//! [`Role`]: a process that is measured, as the driver sees it.

use std::process::Stdio;

use ltq::BoxError;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::job::{Job, Outcome};

/// Which of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// The one that runs at full speed.
    Plain,
    /// The one that counts allocations.
    Counting,
}

/// A process that has been told its job. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Role {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Role {
    /// Starts it and waits until it could begin at once.
    pub(crate) async fn start(program: Program, url: &str, job: &Job) -> Result<Self, BoxError> {
        let plain = std::env::current_exe()?;
        let path = match program {
            Program::Plain => plain,
            Program::Counting => plain.with_file_name("ltq-bench-allocations"),
        };
        let mut child = Command::new(&path)
            .args(["role", "--url", url, &serde_json::to_string(job)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                format!("{} could not be started ({error}); build ltq-bench with --bins", path.display())
            })?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let lines = BufReader::new(stdout.ok_or("stdout is piped")?).lines();
        let mut role = Self { child, stdin: stdin.ok_or("stdin is piped")?, lines };
        role.hear("ready").await?;
        Ok(role)
    }

    /// Lets it begin, and returns when it has.
    pub(crate) async fn go(&mut self) -> Result<(), BoxError> {
        self.stdin.write_all(b"go\n").await?;
        self.hear("going").await
    }

    /// What it has used since it was let begin, or was asked before. Only some jobs answer.
    pub(crate) async fn so_far(&mut self) -> Result<Outcome, BoxError> {
        self.stdin.write_all(b"so far\n").await?;
        let line = self.lines.next_line().await?;
        Ok(serde_json::from_str(&line.ok_or("a measured process ended before it was asked to")?)?)
    }

    /// Waits until it has done its job, or stops it if its job has no end, and says what it has measured.
    pub(crate) async fn outcome(self) -> Result<Outcome, BoxError> {
        let Self { mut child, stdin, mut lines } = self;
        drop(stdin);
        let line = lines.next_line().await?;
        let status = child.wait().await?;
        match line {
            Some(line) if status.success() => Ok(serde_json::from_str(&line)?),
            _ => Err(format!("a measured process failed ({status})").into()),
        }
    }

    /// Waits until it says `word`.
    async fn hear(&mut self, word: &str) -> Result<(), BoxError> {
        match self.lines.next_line().await? {
            Some(line) if line == word => Ok(()),
            _ => Err(format!("a measured process ended before it said `{word}`").into()),
        }
    }
}
