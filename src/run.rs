//! Running workers as a program: the command line, logging, signals and exit codes around [`App`].
//!
//! Two ways lead here, and they share everything: a program with a `main` of its own calls [`run`], and the small program
//! that `ltq run` builds calls [`runner_main`], which first looks its paths up among what is linked. `docs/cli.md` is
//! the reference of flags and exit codes.
//!
//! Next: `ltq-core/src/worker/app.rs`.

mod describe;
mod exit;
mod flags;
mod logging;
mod lookup;
mod probes;
mod signals;
mod supervise;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};
use ltq_core::worker::IntoApp;

pub use self::flags::{Address, LogFormat, RunFlags, TaskPath};
use self::lookup::Linked;
use self::supervise::Make;

/// Runs a worker, or an app of several, until it is asked to stop, with the command line of `ltq run`.
///
/// Reads `--url`, `--concurrency`, `--queues`, `--log-level`, `--log-format` and `--shutdown-timeout`, each also from
/// the environment (`LTQ_URL` and so on); a flag that is given overrides what the worker sets. Logs go to stderr;
/// where the program has installed a `tracing` subscriber already, that one is kept. SIGTERM and SIGINT stop the
/// worker: once lets running tasks finish, twice hands them back, a third time ends the process.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     ltq::run(ltq::Worker::new("emails"))
/// }
/// ```
///
/// The first worker that fails stops the others in good order, and its error decides the exit code.
///
/// The exit code is 0 when it stopped as asked, 1 when it failed, 2 when it cannot start as it is set up, 69 when the
/// broker cannot be reached or refuses what the worker needs, and 70 when its watchdog gave up.
///
/// It blocks, on a runtime of its own, wherever it is called.
#[must_use = "the exit code is what `main` returns"]
pub fn run(app: impl IntoApp) -> ExitCode {
    /// Runs workers until they are asked to stop.
    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        flags: RunFlags,
    }

    match parse(std::env::args_os()) {
        Ok(Arguments { flags }) => {
            let app = app.into_app();
            start(flags, Box::new(move || Ok(app)))
        }
        Err(error) => exit::usage(&error),
    }
}

/// The `main` of the program that `ltq run` builds: looks each path up and runs what it finds. With `--describe` it prints
/// the tasks of the paths instead, for `ltq tasks`.
#[doc(hidden)]
#[must_use]
pub fn runner_main() -> ExitCode {
    /// Runs the workers and tasks of the crates linked into this program.
    #[derive(Debug, Parser)]
    #[command(name = "ltq run")]
    struct Arguments {
        /// `crate`, `crate::module` or `crate::path::to::worker_function`
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<TaskPath>,
        #[command(flatten)]
        flags: RunFlags,
        #[arg(long, hide = true)]
        describe: bool,
    }

    match parse(std::env::args_os()) {
        Ok(Arguments { paths, flags, describe }) => describe_or_run(paths, flags, describe),
        Err(error) => exit::usage(&error),
    }
}

/// The `main` of the program that `ltq build` makes: like [`runner_main`], with the paths fixed when it was built.
#[doc(hidden)]
#[must_use]
pub fn worker_main(paths: &[&str]) -> ExitCode {
    /// Runs workers until it is asked to stop.
    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        flags: RunFlags,
        #[arg(long, hide = true)]
        describe: bool,
    }

    let Arguments { flags, describe } = match parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    // They were parsed by the command that wrote this program.
    let paths = paths.iter().filter_map(|path| path.parse().ok()).collect();
    describe_or_run(paths, flags, describe)
}

fn describe_or_run(paths: Vec<TaskPath>, flags: RunFlags, describe: bool) -> ExitCode {
    let linked = Linked::collect();
    if !describe {
        return start(flags, Box::new(move || Ok(linked.app(&paths)?)));
    }
    match describe::print(&linked, &paths) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error.into(), &flags),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the end of the program")]
fn start(flags: RunFlags, make: Make) -> ExitCode {
    logging::start(&flags);
    match supervise::run(&flags, make) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error, &flags),
    }
}

fn parse<A: CommandFactory + FromArgMatches>(arguments: impl Iterator<Item = OsString>) -> Result<A, clap::Error> {
    let mut matches = A::command().try_get_matches_from(arguments)?;
    A::from_arg_matches_mut(&mut matches)
}
