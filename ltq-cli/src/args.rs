//! Every command and flag, with its text.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};
use ltq::__private::{RunFlags, TaskPath};

/// LTQ, a task queue on Redis
#[derive(Debug, Parser)]
#[command(name = "ltq", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the crates of the paths and run their workers, all in one process
    Run(RunArguments),
}

/// The flags of `ltq run`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct RunArguments {
    /// `crate::path::to::worker_function`, or `crate` or `crate::module` for all tasks in it
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<TaskPath>,

    #[command(flatten)]
    pub(crate) flags: RunFlags,

    #[command(flatten)]
    pub(crate) build: BuildFlags,
}

/// How the crates are found and built.
#[derive(Debug, Args)]
#[command(next_help_heading = "Build options")]
pub(crate) struct BuildFlags {
    /// Build with optimisations
    #[arg(long, env = "LTQ_RELEASE", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub(crate) release: bool,

    /// Features of the crates to switch on, with commas between them; `crate/feature` for one of several crates
    #[arg(long, env = "LTQ_FEATURES", value_name = "FEATURES", value_delimiter = ',')]
    pub(crate) features: Vec<String>,

    /// The Cargo.toml of the workspace or of one of its packages [default: that of the current directory]
    #[arg(long, env = "LTQ_MANIFEST_PATH", value_name = "FILE")]
    pub(crate) manifest_path: Option<PathBuf>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    stopped as asked
  1    failed while running
  2    cannot start as called: a flag, a path, a package, no task, a missing state
  69   the broker cannot be reached, or refuses
  70   the watchdog gave up: no progress, or no broker for too long
  101  the crates do not build";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn flags_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
