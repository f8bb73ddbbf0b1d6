//! The `ltq` command.
//!
//! `ltq run PATH…` builds a small program that links the crates of the paths and becomes it; the flags of a running
//! worker, its logs and its exit codes are the library's (`src/run.rs` of the package `ltq`). `docs/cli.md` is the
//! reference.

mod args;
mod run;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Arguments, Command};

fn main() -> ExitCode {
    let Command::Run(arguments) = Arguments::parse().command;
    match run::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                eprintln!("  caused by: {cause}");
                source = cause.source();
            }
            ExitCode::from(error.code())
        }
    }
}
