//! `ltq dev`: builds and runs like `ltq run`, and does it again whenever a source changes.
//!
//! The worker that runs goes on until its successor is built, so a mistake while typing stops nothing. It is then stopped
//! as by SIGTERM: running tasks finish, the rest goes back to its queue. Children get process groups of their own, so
//! that ctrl-c reaches them once, through here, and the private Redis outlives the worker.

mod child;
mod private_redis;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ltq::__private::{Address, RunFlags};
use tokio::task::JoinHandle;

use self::child::Child;
use self::private_redis::PrivateRedis;
use self::watch::Watch;
use crate::args::DevArguments;
use crate::error::CliError;
use crate::run::{self, Paths, Profile, Project};

/// How long cargo may go on when the command ends in the middle of a build.
const RUNTIME_END: Duration = Duration::from_millis(100);

/// Runs until it is asked to stop.
pub(super) fn dev(arguments: DevArguments, url_given: bool) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CliError::io("start the runtime"))?;
    let result = runtime.block_on(session(arguments, url_given));
    runtime.shutdown_timeout(RUNTIME_END);
    result
}

async fn session(arguments: DevArguments, url_given: bool) -> Result<ExitCode, CliError> {
    let run = arguments.run;
    let project = run::resolve(&run.paths, &run.build.project).map_err(run::RunError::from)?;
    let mut signals = child::Signals::listen().map_err(CliError::io("listen to signals"))?;
    let mut flags = run.flags;
    let redis = if url_given { None } else { PrivateRedis::start().await? };
    if let Some(redis) = &redis {
        flags.url = redis.address();
        say(&format!("started a Redis for this session; to send to it: export LTQ_URL={}", redis.url()));
    }
    let code = watch_and_run(project, &flags, run.build.release, &mut signals).await;
    if let Some(redis) = redis {
        redis.stop().await;
    }
    code
}

async fn watch_and_run(
    project: Project,
    flags: &RunFlags,
    release: bool,
    signals: &mut child::Signals,
) -> Result<ExitCode, CliError> {
    // Before the first build, so that no change is missed.
    let mut watch = Watch::start(&project.root, &project.target, project.crates.iter().map(|found| &found.folder))?;
    let project = Arc::new(project);
    let mut worker: Option<Child> = None;
    let mut runs_build_of = None;
    loop {
        let built = tokio::select! {
            built = begin_build(&project, release) => built,
            () = signals.next() => return Ok(stop(worker, signals).await),
        };
        match built {
            // cargo touches the program only if it is another one.
            Ok(Ok(program)) if worker.is_some() && made_at(&program) == runs_build_of => {
                say("nothing to do: the program is the same");
            }
            Ok(Ok(program)) => {
                runs_build_of = made_at(&program);
                if let Some(running) = worker.take() {
                    say("stopping the worker that runs");
                    let stopped = running.stop(signals).await;
                    if stopped.asked {
                        return Ok(ExitCode::from(stopped.code));
                    }
                }
                worker = Some(start(&program, &project, flags)?);
            }
            // Mistakes while typing.
            Ok(Err(error @ (run::RunError::Build { .. } | run::RunError::Manifest { .. }))) => {
                let goes_on = if worker.is_some() { "; the worker that runs goes on" } else { "" };
                say(&format!("{error}{goes_on}; waiting for a change"));
            }
            failed => {
                stop(worker, signals).await;
                return Err(match failed {
                    Ok(Err(error)) => error.into(),
                    other => CliError::io("build")(std::io::Error::other(format!("{other:?}"))),
                });
            }
        }
        if !source_changes(&mut watch, &mut worker, signals).await {
            return Ok(stop(worker, signals).await);
        }
        say("a source has changed");
    }
}

/// Builds on a thread of its own.
fn begin_build(project: &Arc<Project>, release: bool) -> JoinHandle<Result<PathBuf, run::RunError>> {
    let project = Arc::clone(project);
    tokio::task::spawn_blocking(move || run::make(&project, Paths::Told, Profile { release, target: None }))
}

/// Waits for a change, while the worker may end. False if the command is to stop.
async fn source_changes(watch: &mut Watch, worker: &mut Option<Child>, signals: &mut child::Signals) -> bool {
    loop {
        tokio::select! {
            () = watch.changed() => return true,
            () = signals.next() => return false,
            status = child::ended(worker) => {
                *worker = None;
                say(&format!("the worker ended ({status}); waiting for a change"));
            }
        }
    }
}

fn made_at(program: &Path) -> Option<SystemTime> {
    program.metadata().and_then(|file| file.modified()).ok()
}

fn start(program: &Path, project: &Project, flags: &RunFlags) -> Result<Child, CliError> {
    let command = run::runner_command(program, &project.paths, flags);
    Child::start(command).map_err(CliError::io(format!("start {}", program.display())))
}

/// Stops the worker, whose exit code is the command's.
async fn stop(worker: Option<Child>, signals: &mut child::Signals) -> ExitCode {
    match worker {
        Some(worker) => ExitCode::from(worker.stop(signals).await.code),
        None => ExitCode::SUCCESS,
    }
}

fn say(text: &str) {
    eprintln!("ltq dev: {text}");
}

impl PrivateRedis {
    fn address(&self) -> Address {
        // Any text is an address; it is checked when it is used.
        match self.url().parse() {
            Ok(address) => address,
            Err(never) => match never {},
        }
    }
}
