//! `ltq send`: a message for a task by name.
//!
//! Only names are checked, against a build of the crate and only with `--path`: whether a value fits its type is known to
//! the task alone. No text here holds a value.

use std::io::Read;

use ltq::__private::TaskPath;
use ltq::Message;
use serde::Serialize;
use serde_json::{Map, Value};

use super::tasks::{TaskInfo, describe};
use super::with_client;
use crate::args::{BuildFlags, SendArguments};
use crate::error::CliError;
use crate::output::Output;
use crate::suggest;

#[derive(Debug, Serialize)]
struct Sent<'a> {
    id: String,
    task: &'a str,
    queue: &'a str,
}

/// Sends the message and prints its id.
pub(super) fn send(arguments: SendArguments) -> Result<(), CliError> {
    let values = read(&arguments.args)?;
    let (task, of_task) = match &arguments.path {
        Some(path) => checked(&arguments.task, path, &values, &arguments.build)?,
        None => (arguments.task.clone(), arguments.task),
    };
    let queue = arguments.queue.unwrap_or(of_task);
    let mut message = Message::new(task.clone(), queue.clone(), &values);
    if let Some(delay) = arguments.delay {
        message = message.delay(delay);
    }
    let id = with_client(&arguments.broker, async |client| Ok(client.send(message).await?))?;
    let sent = Sent { id: id.to_string(), task: &task, queue: &queue };
    Output::choose(&arguments.output).sentence(&sent, || sent.id.clone()).map_err(CliError::io("print"))
}

/// The arguments as an object. Errors of serde_json say where, not what.
fn read(args: &str) -> Result<Map<String, Value>, CliError> {
    let mut input = String::new();
    let text = if args == "-" {
        std::io::stdin().read_to_string(&mut input).map_err(CliError::io("read the arguments from standard input"))?;
        &input
    } else {
        args
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(_) => Err(CliError::Json { reason: "it is no object".to_owned() }),
        Err(error) => {
            let reason = format!("it is no JSON at line {}, column {}", error.line(), error.column());
            Err(CliError::Json { reason })
        }
    }
}

/// The name and the queue of the task, after a look at the crate.
fn checked(
    task: &str,
    path: &TaskPath,
    values: &Map<String, Value>,
    build: &BuildFlags,
) -> Result<(String, String), CliError> {
    let tasks = describe(std::slice::from_ref(path), build)?;
    let Some(found) = find(task, &tasks) else {
        let known: Vec<_> = tasks.into_iter().map(|task| task.name).collect();
        let (meant, known) = (suggest::meant(task, &known), suggest::listed(&known));
        return Err(CliError::UnknownTask { name: task.to_owned(), path: path.to_string(), meant, known });
    };
    check_names(found, values)?;
    Ok((found.name.clone(), found.queue.clone()))
}

/// By name, by path, or by the last part of either where only one task ends like that.
fn find<'a>(task: &str, tasks: &'a [TaskInfo]) -> Option<&'a TaskInfo> {
    let by = |is: &dyn Fn(&TaskInfo) -> bool| {
        let mut found = tasks.iter().filter(|task| is(task));
        found.next().filter(|_| found.next().is_none())
    };
    let last = |name: &str| name.rsplit("::").next() == Some(task);
    by(&|known| known.name == task)
        .or_else(|| by(&|known| known.path == task))
        .or_else(|| by(&|known| last(&known.name) || last(&known.path)))
}

fn check_names(task: &TaskInfo, values: &Map<String, Value>) -> Result<(), CliError> {
    let known: Vec<_> = task.arguments.iter().map(|argument| argument.name.clone()).collect();
    if let Some(unknown) = values.keys().find(|name| !known.contains(name)) {
        return Err(CliError::UnknownArgument {
            task: task.name.clone(),
            argument: unknown.clone(),
            meant: suggest::meant(unknown, &known),
            known: if known.is_empty() { "none".to_owned() } else { task.signature() },
        });
    }
    for argument in &task.arguments {
        if !values.contains_key(&argument.name) && !argument.ty.starts_with("Option") {
            eprintln!(
                "warning: `{}: {}` is missing; unless it has a default, the message will become a dead letter",
                argument.name, argument.ty
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str, path: &str) -> TaskInfo {
        let json = serde_json::json!({
            "name": name, "path": path, "queue": "q", "states": [], "options": {}, "file": "", "line": 1,
            "arguments": [{ "name": "owner", "type": "String" }],
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_task_is_found_by_name_path_or_an_unambiguous_end() {
        let tasks = [
            task("mail", "app::jobs::send_mail"),
            task("app::a::run", "app::a::run"),
            task("app::b::run", "app::b::run"),
        ];
        assert_eq!(find("mail", &tasks).unwrap().name, "mail");
        assert_eq!(find("app::jobs::send_mail", &tasks).unwrap().name, "mail");
        assert_eq!(find("send_mail", &tasks).unwrap().name, "mail");
        assert_eq!(find("app::a::run", &tasks).unwrap().name, "app::a::run");
        assert!(find("run", &tasks).is_none(), "two end like that");
    }

    #[test]
    fn an_unknown_argument_is_answered_with_the_nearest() {
        let values = read(r#"{"onwer": "secret"}"#).unwrap();
        let text = check_names(&task("mail", "mail"), &values).unwrap_err().to_string();
        assert!(text.contains("`onwer`; did you mean `owner`?") && text.contains("owner: String"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn arguments_are_an_object_and_errors_show_none_of_them() {
        assert!(read("[1]").unwrap_err().to_string().contains("no object"));
        let text = read(r#"{"password": secret}"#).unwrap_err().to_string();
        assert!(text.contains("column") && !text.contains("secret"), "{text}");
    }
}
