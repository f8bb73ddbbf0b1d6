//! `cargo xtask test`: the steps, in the order in which a mistake costs least.
//!
//! Each step is a command that can be typed by hand; the run stops at the first that fails and says how to repeat it.

mod others;
mod times;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use cargo_metadata::MetadataCommand;
use clap::ValueEnum;

use self::others::Extent;
use self::times::{Group, Times};
use crate::{cargo, redis, servers, tidy};

/// Everything that the tests run, and the tests. One set of features for all, so that nothing is built twice.
const BUILD: &str = "build --workspace --all-features --bins --tests";

/// The flags of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Runs these steps only, in their usual order.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEP,…")]
    only: Vec<Step>,
    /// What is run on the other servers. All of it takes long and has no limit in time.
    #[arg(long, value_enum, default_value_t, value_name = "EXTENT")]
    servers: Extent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// A `redis-server` and the other servers are there, or are installed.
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
    /// Whatever the next steps run builds.
    Build,
    /// Each measurement once, small, so that none rots. The figures mean nothing.
    Bench,
    /// All tests and documentation tests, on the system's Redis.
    Test,
    /// What speaks to Redis most closely, on the other servers; more with `--servers all`.
    Servers,
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
    /// None of the other servers.
    #[error("{0}\nrepeat this step: cargo xtask test --only redis")]
    Servers(#[from] servers::ServersError),
    /// They were asked for in particular.
    #[error("there are no other servers for this kind of machine: they are known for x86_64 Linux with glibc only")]
    NoServers,
    /// A name in the table of what runs on the other servers, or is left out there, is out of date.
    #[error(
        "no test of `{target}` has a name that begins with `{tests}`: correct it in xtask/src/test/others.rs or xtask/src/servers/known.rs"
    )]
    NoTests { target: &'static str, tests: &'static str },
    /// Cargo does not tell where it builds.
    #[error("the folder of built programs is not known: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// The rules are broken.
    #[error("{0}\nrepeat this step: cargo xtask test --only tidy")]
    Tidy(#[from] tidy::TidyError),
    /// All passed, too late.
    #[error("{0}")]
    TooSlow(#[from] times::TooSlow),
}

/// Runs the steps. Servers come first, since without them minutes of building would be for nothing.
pub(crate) fn run(root: &Path, args: &Args) -> Result<(), TestError> {
    let mut times = Times::begin();
    for step in Step::value_variants() {
        if !args.only.is_empty() && !args.only.contains(step) {
            continue;
        }
        let started = Instant::now();
        step.run(root, args.servers)?;
        times.took(step.group(), step.name(), started.elapsed());
    }
    times.report();
    if args.servers == Extent::Core {
        times.check()?;
    }
    Ok(())
}

impl Step {
    fn run(self, root: &Path, servers: Extent) -> Result<(), TestError> {
        match self {
            Self::Redis => {
                self.announce("a redis-server on the PATH, other servers in the cache");
                let redis = redis::ensure()?;
                others::announce(&redis, &servers::ensure()?);
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
            Self::Build => {
                self.cargo(root, BUILD, &[])?;
                // With the features of a program that is measured: what it has besides would count.
                self.cargo(root, "build -p ltq-bench --bins", &[])
            }
            Self::Bench => {
                // The program starts its sibling, which counts allocations, and `cargo run` builds only what it runs.
                self.cargo(root, "build -p ltq-bench --bins", &[])?;
                self.cargo(root, "run -p ltq-bench -- --quick", &[])
            }
            Self::Test => self.cargo(root, "test --workspace --all-features", &[]),
            Self::Servers => others::run(self, root, servers),
            Self::Chaos => self.chaos(root, &[]),
        }
    }

    fn group(self) -> Group {
        match self {
            Self::Redis | Self::Fmt | Self::Clippy | Self::Features | Self::Doc | Self::Tidy | Self::Build => {
                Group::Build
            }
            Self::Bench | Self::Test => Group::Tests,
            Self::Servers => Group::OtherServers,
            Self::Chaos => Group::Chaos,
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
        self.command(cargo::command(root), "cargo", arguments, environment)
    }

    /// Runs the short form under faults, as [`BUILD`] has built it.
    fn chaos(self, root: &Path, environment: &[(&str, &str)]) -> Result<(), TestError> {
        self.cargo(root, BUILD, &[])?;
        let program = built(root)?.join("ltq-chaos");
        let shown = program.display().to_string();
        let mut command = Command::new(program);
        command.current_dir(root);
        self.command(command, &shown, "--short-form", environment)
    }

    fn command(
        self,
        mut command: Command,
        name: &str,
        arguments: &str,
        environment: &[(&str, &str)],
    ) -> Result<(), TestError> {
        let mut shown = String::new();
        for (name, value) in environment {
            // Writing into a `String` cannot fail.
            let _ = write!(shown, "{name}=\"{value}\" ");
        }
        let _ = write!(shown, "{name} {arguments}");
        self.announce(&shown);
        let status = command
            .args(arguments.split_whitespace())
            .envs(environment.iter().copied())
            .status()
            .map_err(|source| TestError::Start { command: shown.clone(), source })?;
        if status.success() { Ok(()) } else { Err(TestError::Failed { command: shown, status, step: self.name() }) }
    }
}

/// The folder of the programs that cargo has built without optimisation.
fn built(root: &Path) -> Result<PathBuf, TestError> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf().join("debug"))
}
