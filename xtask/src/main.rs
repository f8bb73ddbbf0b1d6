//! The repository's own commands, run as `cargo xtask …`.
//!
//! Written in Rust rather than as scripts so that they run wherever the project builds, without another interpreter.
//! They print to standard error, as cargo itself does; what a test prints stays on standard output.

mod bench;
mod cargo;
mod chaos;
mod packages;
mod redis;
mod servers;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The commands of this repository")]
enum Command {
    /// Everything that must hold before a change goes in; what continuous integration runs.
    Test(test::Args),
    /// How fast LTQ is, beside the ceiling of its own scripts and other queues; `cargo xtask bench -- --help` lists the
    /// settings.
    Bench(bench::Args),
    /// LTQ under faults, with the history of every message checked; `cargo xtask chaos -- --help` lists the settings.
    Chaos(chaos::Args),
    /// The rules of this repository that no compiler checks.
    Tidy(tidy::Args),
}

fn main() -> ExitCode {
    let root = repository();
    let ended = match Command::parse() {
        Command::Test(args) => test::run(&root, &args).map_err(|error| error.to_string()),
        Command::Bench(args) => bench::run(&root, &args).map_err(|error| error.to_string()),
        Command::Chaos(args) => chaos::run(&root, &args).map_err(|error| error.to_string()),
        Command::Tidy(args) => tidy::run(&root, &args).map_err(|error| error.to_string()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace. This package is one level below it.
fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
