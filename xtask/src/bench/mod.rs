//! `cargo xtask bench`: builds the measurements with optimisation and runs them; with `--against`, those of another commit
//! too.
//!
//! The other queues that are measured beside LTQ are packages of their own, which the measurements build by themselves:
//! one that does not build must not end the run.

mod against;
mod programs;
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::redis;

/// The flags of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Compares with another commit, or with the one that `benches/plain-baseline` names; `cargo xtask bench --against --
    /// --help` lists the settings.
    #[arg(long, value_name = "COMMIT", num_args = 0..=1, default_missing_value = "")]
    against: Option<String>,
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
    /// A command could not be started.
    #[error("`{command}` could not be started ({source}); is it installed and on the PATH?")]
    Start { command: String, source: std::io::Error },
    /// The programs do not build, or the measurements failed.
    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: ExitStatus },
    /// Cargo does not say where it builds.
    #[error("the target folder is unknown: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// Cargo has built something else.
    #[error("`{command}` has built no program `{program}`: the measurements are the package ltq-bench")]
    NotBuilt { command: String, program: &'static str },
    /// A file or folder could not be read or written.
    #[error("`{}`: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// The file with the baseline names none.
    #[error("`{}` names no commit: write its hash on a line of its own, or name one: --against COMMIT", .path.display())]
    NoBaseline { path: PathBuf },
    /// Git does not know it.
    #[error("`{commit}` is no commit of this repository; a shallow clone has only the newest: git fetch --unshallow")]
    UnknownCommit { commit: String },
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<(), BenchError> {
    redis::ensure()?;
    if let Some(commit) = &args.against {
        return against::run(root, Some(commit.as_str()).filter(|commit| !commit.is_empty()), &args.settings);
    }
    let programs = programs::build(root, None)?;
    finish(Command::new(&programs.plain).current_dir(root).args(&args.settings))
}

/// Runs it to its end.
fn finish(command: &mut Command) -> Result<(), BenchError> {
    let shown = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(BenchError::Failed { command: shown, status }),
        Err(source) => Err(BenchError::Start { command: shown, source }),
    }
}

/// A command as it would be typed.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        args: Args,
    }

    fn typed(words: &[&str]) -> (Option<String>, Vec<String>) {
        let Args { against, settings } = Typed::try_parse_from(["bench"].iter().chain(words)).unwrap().args;
        (against, settings)
    }

    #[test]
    fn the_commit_may_be_left_out_and_settings_come_after_two_dashes() {
        let (pairs, given) = (["--pairs".to_owned(), "8".to_owned()], |commit: &str| Some(commit.to_owned()));
        assert_eq!(typed(&["--against"]), (given(""), vec![]));
        assert_eq!(typed(&["--against", "--", "--pairs", "8"]), (given(""), pairs.to_vec()));
        assert_eq!(typed(&["--against", "e4e2484", "--", "--pairs", "8"]), (given("e4e2484"), pairs.to_vec()));
        assert_eq!(typed(&["--", "--quick"]), (None, vec!["--quick".to_owned()]));
    }
}
