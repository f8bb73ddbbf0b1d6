//! The `ltq` command.
//!
//! `ltq run PATH…` builds a small program that links the crates of the paths and becomes it; the flags of a running
//! worker, its logs and its exit codes are the library's (`src/run.rs` of the package `ltq`). The other commands are in
//! `commands`. `docs/cli.md` is the reference.

mod args;
mod commands;
mod error;
mod output;
mod run;
mod suggest;

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use self::args::Arguments;
use self::error::CliError;

fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let url_given = matches.subcommand().is_some_and(|(_, of_command)| is_url_given(of_command));
    match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => commands::carry_out(arguments.command, url_given).unwrap_or_else(|error| report(&error)),
        Err(error) => error.exit(),
    }
}

fn is_url_given(matches: &ArgMatches) -> bool {
    let has_url = matches.ids().any(|id| id == "url");
    has_url && matches.value_source("url").is_some_and(|source| source != ValueSource::DefaultValue)
}

/// Prints an error with its causes.
fn report(error: &CliError) -> ExitCode {
    eprintln!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        eprintln!("  caused by: {cause}");
        source = cause.source();
    }
    if let Some(hint) = error.hint() {
        eprintln!("  help: {hint}");
    }
    ExitCode::from(error.code())
}
