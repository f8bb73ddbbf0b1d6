//! [`Environment`]: where and how the figures came about.

use std::process::Command;

use ltq::BoxError;
use serde::Serialize;

use crate::args::Settings;
use crate::redis_figures;
use crate::server::Server;

/// What a reader has to know to compare.
#[derive(Debug, Serialize)]
pub(crate) struct Environment {
    cores: usize,
    processor: String,
    redis: String,
    /// The commit that was measured; nothing where there is no repository.
    commit: String,
    runs: usize,
    messages: usize,
    optimised: bool,
}

impl Environment {
    pub(crate) async fn of(settings: &Settings) -> Result<Self, BoxError> {
        let server = Server::start()?;
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: processor(),
            redis: redis_figures::version(&server.client().await?).await?,
            commit: commit(),
            runs: settings.runs,
            messages: settings.messages,
            optimised: !cfg!(debug_assertions),
        })
    }

    /// One paragraph.
    pub(crate) fn describe(&self) -> String {
        let Self { cores, processor, redis, commit, runs, messages, optimised } = self;
        let commit = if commit.is_empty() { String::new() } else { format!(", commit {commit}") };
        let warning = if *optimised { "" } else { " **Built without optimisation: the figures mean nothing.**" };
        format!(
            "Redis {redis} and everything measured share {cores} cores ({processor}){commit}. Medians of {runs} \
             interleaved runs with {messages} messages where nothing else is said; shares are medians of the shares \
             of each run.{warning}"
        )
    }
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, model)| model.trim().to_owned())
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let commit = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    commit.map(|commit| String::from_utf8_lossy(&commit).trim().to_owned()).unwrap_or_default()
}
