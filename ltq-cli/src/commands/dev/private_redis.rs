//! A Redis for one session of `ltq dev`: on a unix socket in a temporary folder, gone with the session.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::say;
use crate::error::CliError;

/// A running server.
#[derive(Debug)]
pub(super) struct PrivateRedis {
    child: Child,
    folder: TempDir,
}

impl PrivateRedis {
    /// Starts one, if there is a `redis-server` on this machine and it can listen on a unix socket.
    pub(super) async fn start() -> Result<Option<Self>, CliError> {
        if !cfg!(unix) {
            return Ok(None);
        }
        let folder = tempfile::Builder::new().prefix("ltq-dev-").tempdir().map_err(CliError::io("make a folder"))?;
        match spawn(folder.path()) {
            Ok(child) => {
                let mut redis = Self { child, folder };
                redis.ready().await?;
                Ok(Some(redis))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                say("no --url is given and no redis-server is installed; trying redis://localhost:6379");
                Ok(None)
            }
            Err(error) => Err(CliError::PrivateRedis { reason: error.to_string() }),
        }
    }

    /// Its address.
    pub(super) fn url(&self) -> String {
        format!("unix://{}", socket(self.folder.path()).display())
    }

    /// Stops it.
    pub(super) async fn stop(mut self) {
        // It keeps nothing that an orderly end would save, and it is gone either way.
        let _ = self.child.kill().await;
    }

    /// Waits for the line that says so, then reads on, so that the server never waits for a reader.
    async fn ready(&mut self) -> Result<(), CliError> {
        let failed = |reason: String| CliError::PrivateRedis { reason };
        let Some(log) = self.child.stdout.take() else { return Err(failed("it has no log".to_owned())) };
        let mut lines = BufReader::new(log).lines();
        let mut last = "it ended without a word".to_owned();
        while let Some(line) = lines.next_line().await.map_err(|error| failed(error.to_string()))? {
            if line.to_ascii_lowercase().contains("ready to accept connections") {
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(());
            }
            last = line;
        }
        Err(failed(last))
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

fn spawn(folder: &Path) -> io::Result<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "notice"]);
    command.arg("--unixsocket").arg(socket(folder)).args(["--unixsocketperm", "700"]).arg("--dir").arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}
