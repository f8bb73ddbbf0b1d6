//! Building the runner with cargo, and becoming it.

use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use cargo_metadata::Message;
use ltq::__private::{RunFlags, TaskPath};

use super::RunError;
use super::resolve::Project;
use super::runner::Runner;

/// How a runner is built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile<'a> {
    /// With optimisations.
    pub(crate) release: bool,
    /// For this platform instead of the machine's.
    pub(crate) target: Option<&'a str>,
}

/// Builds the runner in the user's target folder, so that the two share what they depend on; returns the program.
///
/// cargo's own messages go where `cargo build` sends them.
pub(crate) fn build(project: &Project, runner: &Runner, profile: Profile<'_>) -> Result<PathBuf, RunError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let failed_start = |source| RunError::Start { program: PathBuf::from(&cargo), source };
    let mut command = Command::new(&cargo);
    command
        .arg("build")
        .arg("--manifest-path")
        .arg(&runner.manifest)
        .arg("--target-dir")
        .arg(&project.target)
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if profile.release {
        command.arg("--release");
    }
    if let Some(target) = profile.target {
        command.args(["--target", target]);
    }
    for name in of_cargo_run() {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(failed_start)?;
    let mut program = None;
    if let Some(stdout) = child.stdout.take() {
        // A line that is no message comes from a build script and means nothing here.
        for message in Message::parse_stream(BufReader::new(stdout)).map_while(Result::ok) {
            if let Message::CompilerArtifact(artifact) = message
                && artifact.target.name == runner.name
                && let Some(executable) = artifact.executable
            {
                program = Some(executable.into_std_path_buf());
            }
        }
    }
    let status = child.wait().map_err(failed_start)?;
    program.filter(|_| status.success()).ok_or_else(|| {
        let crates: Vec<_> = project.crates.iter().map(|found| format!("`{}`", found.package)).collect();
        RunError::Build { crates: crates.join(", ") }
    })
}

/// What `cargo run` tells the program it starts about that program's package. Build scripts read variables of these
/// names, so under `cargo run -p ltq-cli` cargo would take some dependencies for changed and build them again.
fn of_cargo_run() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    })
}

/// Replaces this process by the runner, so that signals reach the workers themselves.
#[cfg(unix)]
pub(crate) fn become_runner(program: &Path, paths: &[TaskPath], flags: &RunFlags) -> Result<ExitCode, RunError> {
    use std::os::unix::process::CommandExt;

    let source = runner(program, paths, flags).exec();
    Err(RunError::Start { program: program.to_owned(), source })
}

/// Runs the runner and passes on its exit code; ctrl-c reaches both.
#[cfg(not(unix))]
pub(crate) fn become_runner(program: &Path, paths: &[TaskPath], flags: &RunFlags) -> Result<ExitCode, RunError> {
    let failed_start = |source| RunError::Start { program: program.to_owned(), source };
    let status = runner(program, paths, flags).status().map_err(failed_start)?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// The runner, to be started.
pub(crate) fn runner(program: &Path, paths: &[TaskPath], flags: &RunFlags) -> Command {
    let mut command = Command::new(program);
    command.args(paths.iter().map(TaskPath::as_str)).envs(flags.to_env());
    command
}
