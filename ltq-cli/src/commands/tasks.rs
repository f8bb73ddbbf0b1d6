//! `ltq tasks`: builds the crates of the paths and asks the program what is linked into it.

use std::path::Path;
use std::process::Stdio;

use ltq::__private::{RunFlags, TaskPath};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::args::{BuildFlags, TasksArguments};
use crate::error::CliError;
use crate::output::Output;
use crate::run::{self, Paths, Profile};

/// A task, as the built program describes it (`src/run/describe.rs` of the package `ltq`).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TaskInfo {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) queue: String,
    pub(super) arguments: Vec<ArgumentInfo>,
    /// The types the worker must provide.
    states: Vec<String>,
    /// Those that are set.
    options: Map<String, Value>,
    /// Seen from the workspace, where it is in it.
    file: String,
    line: u32,
}

/// An argument that travels in messages.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ArgumentInfo {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) ty: String,
}

impl TaskInfo {
    /// `owner: String, name: String`
    pub(super) fn signature(&self) -> String {
        let arguments: Vec<_> = self.arguments.iter().map(|arg| format!("{}: {}", arg.name, arg.ty)).collect();
        arguments.join(", ")
    }

    fn options(&self) -> String {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let options: Vec<_> = self.options.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
        options.join(" ")
    }
}

/// Lists the tasks of the paths.
pub(super) fn list(arguments: &TasksArguments) -> Result<(), CliError> {
    let tasks = describe(&arguments.paths, &arguments.build)?;
    Output::choose(&arguments.output)
        .list(&tasks, "There are no tasks.", &["TASK", "QUEUE", "ARGUMENTS", "OPTIONS", "WHERE"], |task| {
            let place = format!("{}:{}", task.file, task.line);
            vec![task.name.clone(), task.queue.clone(), task.signature(), task.options(), place]
        })
        .map_err(CliError::io("print"))
}

/// The tasks of the paths, sorted by name.
pub(super) fn describe(paths: &[TaskPath], flags: &BuildFlags) -> Result<Vec<TaskInfo>, CliError> {
    let project = run::resolve(paths, &flags.project).map_err(run::RunError::from)?;
    let program = run::make(&project, Paths::Told, Profile { release: flags.release, target: None })?;
    let mut command = std::process::Command::new(&program);
    command.args(project.paths.iter().map(TaskPath::as_str));
    let mut tasks = ask(&mut command, &project.paths)?;
    for task in &mut tasks {
        if let Ok(inside) = Path::new(&task.file).strip_prefix(&project.root) {
            task.file = inside.to_string_lossy().into_owned();
        }
    }
    Ok(tasks)
}

/// Has a built program describe the tasks of its paths. What it says about them when they lead nowhere goes to stderr.
pub(super) fn ask(command: &mut std::process::Command, paths: &[TaskPath]) -> Result<Vec<TaskInfo>, CliError> {
    // Variables meant for a running worker must not make it fail here.
    for name in RunFlags::VARIABLES {
        command.env_remove(name);
    }
    let output = command
        .arg("--describe")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(CliError::io("start the program that was built"))?;
    if !output.status.success() {
        let paths = paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        let code = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        return Err(CliError::Refused { paths, code });
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let tasks = lines.lines().map(serde_json::from_str).collect::<Result<Vec<TaskInfo>, _>>();
    tasks.map_err(|error| CliError::Answer { reason: error.to_string() })
}
