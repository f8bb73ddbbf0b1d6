//! What `ltq tasks` asks the program it builds: the tasks under the paths, one JSON object per line on standard output.

use std::io::{self, Write};
use std::time::Duration;

use ltq_core::task::TaskDef;
use serde_json::{Map, Value, json};

use super::flags::TaskPath;
use super::lookup::{Linked, LookupError};

/// Prints the tasks of the paths, sorted by name, each once.
pub(super) fn print(linked: &Linked, paths: &[TaskPath]) -> Result<(), LookupError> {
    let mut tasks: Vec<&TaskDef> = Vec::new();
    for path in paths {
        tasks.extend(linked.tasks(path)?);
    }
    tasks.sort_unstable_by_key(|task| (task.name, task.path));
    tasks.dedup_by_key(|task| task.path);
    let mut out = io::stdout().lock();
    for task in tasks {
        // Who asked reads to the end, or is gone.
        let _ = writeln!(out, "{}", describe(task));
    }
    Ok(())
}

fn describe(task: &TaskDef) -> Value {
    let arguments: Vec<_> = task.args.iter().map(|arg| json!({ "name": arg.name, "type": arg.ty })).collect();
    let states: Vec<_> = task.states.iter().map(|state| state.type_name()).collect();
    json!({
        "name": task.name,
        "path": task.path,
        "queue": task.queue,
        "arguments": arguments,
        "states": states,
        "options": options(task),
        "file": task.file,
        "line": task.line,
    })
}

/// The options that are set, as they are written in the attribute.
fn options(task: &TaskDef) -> Map<String, Value> {
    let options = &task.options;
    let mut set = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            set.insert(name.to_owned(), value);
        }
    };
    add("max_attempts", options.max_attempts.map(Value::from));
    add("backoff", options.backoff.map(|backoff| format!("{}..{}", text(backoff.min), text(backoff.max)).into()));
    add("timeout", options.timeout.map(|timeout| text(timeout).into()));
    add("rate", options.rate.map(|rate| format!("{}/{}", rate.count, per(rate.per)).into()));
    add("max_age", options.max_age.map(|age| text(age).into()));
    add("blocking", options.blocking.then(|| true.into()));
    set
}

fn text(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

/// `10/s` is written without a number of seconds.
fn per(time: Duration) -> String {
    match time.as_secs_f64() {
        1.0 => "s".to_owned(),
        60.0 => "m".to_owned(),
        3600.0 => "h".to_owned(),
        _ => text(time),
    }
}

#[cfg(test)]
mod tests {
    use ltq_core::task::{ArgDef, BackoffDef, Output, Rate};

    use super::*;

    #[test]
    fn a_task_is_described_as_it_is_written() {
        static ARGS: [ArgDef; 1] = [ArgDef::new("owner", "String")];
        let second = Duration::from_secs(1);
        let task = TaskDef::new("fetch", "app::fetch", |_| Box::pin(async { Ok(Output::default()) }))
            .queue("github")
            .at("src/lib.rs", 7)
            .args(&ARGS)
            .max_attempts(5)
            .backoff(BackoffDef::new(second, second * 60))
            .rate(Rate::new(10, second))
            .blocking();
        let expected = json!({
            "name": "fetch", "path": "app::fetch", "queue": "github", "states": [], "file": "src/lib.rs", "line": 7,
            "arguments": [{ "name": "owner", "type": "String" }],
            "options": { "max_attempts": 5, "backoff": "1s..1m", "rate": "10/s", "blocking": true },
        });
        assert_eq!(describe(&task), expected);
    }
}
