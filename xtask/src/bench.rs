//! `cargo xtask bench`: builds the measurements with optimisation and runs them.

use std::path::Path;

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
    #[error("`cargo run --release -p ltq-bench` could not be started")]
    Start(#[source] std::io::Error),
    /// The measurements failed.
    #[error("`cargo run --release -p ltq-bench` failed ({0})")]
    Failed(std::process::ExitStatus),
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<(), BenchError> {
    redis::ensure()?;
    let status = cargo::command(root)
        .args(["run", "--release", "--package", "ltq-bench", "--"])
        .args(&args.settings)
        .status()
        .map_err(BenchError::Start)?;
    if status.success() { Ok(()) } else { Err(BenchError::Failed(status)) }
}
