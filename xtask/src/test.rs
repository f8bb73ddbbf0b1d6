//! `cargo xtask test`: the steps, in the order in which a mistake costs least.
//!
//! Each step is a command that can be typed by hand; the run stops at the first that fails and says how to repeat it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use clap::ValueEnum;

use crate::{cargo, redis, tidy};

/// The flags of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Runs these steps only, in their usual order.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEP,…")]
    only: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// A `redis-server` is there, or is installed.
    Redis,
    /// The code is formatted.
    Fmt,
    /// No warnings, with everything switched on.
    Clippy,
    /// No warnings for programs that only send, with and without Redis.
    Features,
    /// The documentation builds and its links lead somewhere.
    Doc,
    /// The rules of this repository.
    Tidy,
    /// Each measurement once, small, so that none rots. The figures mean nothing.
    Bench,
    /// All tests and documentation tests.
    Test,
    /// Faults on fixed seeds, and mistakes that the checker must find: the short form of `cargo xtask chaos`.
    Chaos,
}

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TestError {
    /// A command could not be started.
    #[error("`{command}` could not be started ({source}); is it installed and on the PATH?")]
    Start { command: String, source: std::io::Error },
    /// A command said no.
    #[error("`{command}` failed ({status})\nrepeat this step: cargo xtask test --only {step}")]
    Failed { command: String, status: std::process::ExitStatus, step: String },
    /// No Redis.
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    /// The rules are broken.
    #[error("{0}\nrepeat this step: cargo xtask test --only tidy")]
    Tidy(#[from] tidy::TidyError),
}

/// Runs the steps. Redis comes first, since without it minutes of building would be for nothing.
pub(crate) fn run(root: &Path, args: &Args) -> Result<(), TestError> {
    let started = Instant::now();
    let mut summary = String::new();
    for step in Step::value_variants() {
        if !args.only.is_empty() && !args.only.contains(step) {
            continue;
        }
        let step_started = Instant::now();
        step.run(root)?;
        let seconds = step_started.elapsed().as_secs_f32();
        eprintln!("── {} passed in {seconds:.1} s", step.name());
        // Writing into a `String` cannot fail.
        let _ = write!(summary, "{}{} {seconds:.1} s", if summary.is_empty() { "" } else { ", " }, step.name());
    }
    eprintln!("\nall passed in {:.1} s: {summary}", started.elapsed().as_secs_f32());
    Ok(())
}

impl Step {
    fn run(self, root: &Path) -> Result<(), TestError> {
        match self {
            Self::Redis => {
                self.announce("a redis-server on the PATH");
                redis::ensure()?;
                Ok(())
            }
            Self::Fmt => self.cargo(root, "fmt --all --check", &[]),
            Self::Clippy => self.cargo(root, "clippy --workspace --all-targets --all-features -- -D warnings", &[]),
            Self::Features => {
                self.cargo(root, "clippy -p ltq --no-default-features -- -D warnings", &[])?;
                self.cargo(root, "clippy -p ltq --no-default-features --features redis -- -D warnings", &[])
            }
            // The program `ltq` and the library `ltq` would write to the same page; the library's is the one to read.
            Self::Doc => self.cargo(
                root,
                "doc --workspace --exclude ltq-cli --no-deps --all-features",
                &[("RUSTDOCFLAGS", "-D warnings -D rustdoc::all")],
            ),
            Self::Tidy => {
                self.announce("cargo xtask tidy");
                tidy::run(root, &tidy::Args::default())?;
                Ok(())
            }
            Self::Test => self.cargo(root, "test --workspace --all-features", &[]),
            Self::Chaos => {
                self.cargo(root, "build -p ltq-chaos --bins", &[])?;
                self.cargo(root, "run -p ltq-chaos -- --short-form", &[])
            }
            Self::Bench => {
                // The program starts its sibling, which counts allocations, and `cargo run` builds only what it runs.
                self.cargo(root, "build -p ltq-bench --bins", &[])?;
                self.cargo(root, "run -p ltq-bench -- --quick", &[])
            }
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn announce(self, command: &str) {
        eprintln!("\n── {}: {command}", self.name());
    }

    /// Runs cargo with `arguments`, which hold no spaces of their own.
    fn cargo(self, root: &Path, arguments: &str, environment: &[(&str, &str)]) -> Result<(), TestError> {
        let mut command = String::new();
        for (name, value) in environment {
            let _ = write!(command, "{name}=\"{value}\" ");
        }
        let _ = write!(command, "cargo {arguments}");
        self.announce(&command);
        let status = cargo::command(root)
            .args(arguments.split_whitespace())
            .envs(environment.iter().copied())
            .status()
            .map_err(|source| TestError::Start { command: command.clone(), source })?;
        if status.success() { Ok(()) } else { Err(TestError::Failed { command, status, step: self.name() }) }
    }
}
