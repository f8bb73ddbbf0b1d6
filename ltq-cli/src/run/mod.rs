//! `ltq run`: find the packages of the paths, write a runner for them, build it, become it. The other commands that build
//! use the same steps.
//!
//! The runner knows only the crates. Paths and flags are told when it starts, so another path in the same crates, or
//! another address, builds nothing.
//!
//! Next: `src/run.rs` of the package `ltq`, which is what the runner calls.

mod build;
mod resolve;
mod runner;

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) use self::build::{Profile, runner as runner_command};
pub(crate) use self::resolve::{Project, ResolveError, resolve};
pub(crate) use self::runner::Paths;
use crate::args::RunArguments;

/// Why no worker was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The packages cannot be found or used.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The runner cannot be written.
    #[error("cannot write the runner: {}", path.display())]
    Write {
        /// Which file or folder.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The manifest of the workspace cannot be used.
    #[error("cannot read {}", path.display())]
    Manifest {
        /// Which one.
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A program cannot be started.
    #[error("cannot start {}", program.display())]
    Start {
        /// Which one.
        program: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// cargo has already said why.
    #[error("{crates} did not build, so nothing was started; cargo's messages are above")]
    Build {
        /// Which crates.
        crates: String,
    },
}

impl RunError {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Resolve(_) => 2,
            Self::Build { .. } => 101,
            Self::Write { .. } | Self::Manifest { .. } | Self::Start { .. } => 1,
        }
    }
}

/// Runs the command. On Unix it returns only when it failed: the process becomes the runner.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode, RunError> {
    let project = resolve(&arguments.paths, &arguments.build.project)?;
    let profile = Profile { release: arguments.build.release, target: None };
    let program = make(&project, Paths::Told, profile)?;
    build::become_runner(&program, &project.paths, &arguments.flags)
}

/// Writes and builds the runner of a project; returns the program.
pub(crate) fn make(project: &Project, paths: Paths, profile: Profile<'_>) -> Result<PathBuf, RunError> {
    let runner = runner::write(project, paths)?;
    build::build(project, &runner, profile)
}
