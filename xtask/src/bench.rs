//! `cargo xtask bench`: builds the measurements with optimisation and runs them.
//!
//! The other queues that are measured beside LTQ are packages of their own, which the measurements build by themselves:
//! one that does not build must not end the run.

use std::path::Path;
use std::process::ExitStatus;

use crate::{cargo, redis};

/// The flags of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the measurements are given.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    settings: Vec<String>,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// No Redis.
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    /// Cargo could not be started.
    #[error("`{command}` could not be started")]
    Start { command: String, source: std::io::Error },
    /// The programs do not build, or the measurements failed.
    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: ExitStatus },
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<(), BenchError> {
    redis::ensure()?;
    // The program starts its sibling, which counts allocations, and `cargo run` builds only what it runs.
    run_cargo(root, &["build", "--release", "--package", "ltq-bench", "--bins"], &[])?;
    run_cargo(root, &["run", "--release", "--package", "ltq-bench", "--"], &args.settings)
}

fn run_cargo(root: &Path, arguments: &[&str], settings: &[String]) -> Result<(), BenchError> {
    let command = format!("cargo {}", arguments.join(" "));
    match cargo::command(root).args(arguments).args(settings).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(BenchError::Failed { command, status }),
        Err(source) => Err(BenchError::Start { command, source }),
    }
}
