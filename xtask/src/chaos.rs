//! `cargo xtask chaos`: builds the programs of a run and runs it.
//!
//! By hand with optimisation, because half a million messages are to pass; in the test command without, because there
//! everything is built already.

use std::path::Path;
use std::process::ExitStatus;

use crate::{cargo, redis};

/// The flags of `cargo xtask chaos`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the run is given.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    settings: Vec<String>,
}

/// Why a run did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChaosError {
    /// No Redis.
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    /// Cargo could not be started.
    #[error("`{command}` could not be started")]
    Start { command: String, source: std::io::Error },
    /// The programs do not build, or an invariant is broken; it has been printed.
    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: ExitStatus },
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<(), ChaosError> {
    redis::ensure()?;
    // The driver starts its workers and producers as programs of their own, which `cargo run` does not build.
    run_cargo(root, &["build", "--release", "--package", "ltq-chaos", "--bins"], &[])?;
    run_cargo(root, &["run", "--release", "--package", "ltq-chaos", "--"], &args.settings)
}

fn run_cargo(root: &Path, arguments: &[&str], settings: &[String]) -> Result<(), ChaosError> {
    let command = format!("cargo {}", arguments.join(" "));
    match cargo::command(root).args(arguments).args(settings).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ChaosError::Failed { command, status }),
        Err(source) => Err(ChaosError::Start { command, source }),
    }
}
