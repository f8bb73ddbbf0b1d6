//! [`Expected`]: what an assertion looks for, and the text when it fails.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::enqueued::Enqueued;
use super::test_queue::TestQueue;
use super::value::Value;
use crate::client::testing::bound;
use crate::task::{Task, TaskDef};

/// A message of a task that fulfils all conditions.
#[must_use]
pub struct Expected<'a> {
    task: &'static TaskDef,
    /// What is said of the arguments, as text and as a check.
    conditions: Vec<(String, Check<'a>)>,
    within: Option<Duration>,
    after: Option<Duration>,
    /// What is wrong with the assertion itself.
    mistake: Option<String>,
}

type Check<'a> = Box<dyn Fn(&Enqueued) -> bool + 'a>;

impl<'a> Expected<'a> {
    /// Any message of this task.
    pub fn of<T: Task>(_task: T) -> Self {
        Self { task: T::DEF, conditions: Vec::new(), within: None, after: None, mistake: None }
    }

    /// The argument has this value.
    pub fn arg<V: Serialize + ?Sized>(mut self, name: &'static str, value: &V) -> Self {
        let name = self.known(name);
        match Value::of(value) {
            Ok(expected) => {
                let text = format!("{name} = {expected:?}");
                let check = move |message: &Enqueued| {
                    message.values().iter().any(|(found, value)| found == name && *value == expected)
                };
                self.conditions.push((text, Box::new(check)));
            }
            Err(error) => self.mistake = Some(format!("the value given for `{name}` does not serialise: {error}")),
        }
        self
    }

    /// The argument is of type `T` and the closure says yes to it.
    pub fn arg_that<T: DeserializeOwned>(
        mut self,
        name: &'static str,
        text: &str,
        check: impl Fn(T) -> bool + 'a,
    ) -> Self {
        let name = self.known(name);
        let check = move |message: &Enqueued| message.arg(name).ok().flatten().is_some_and(&check);
        self.conditions.push((format!("{name} = {text}"), Box::new(check)));
        self
    }

    /// Due no later than this from now.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Due no earlier than this from now.
    pub fn after(mut self, after: Duration) -> Self {
        self.after = Some(after);
        self
    }

    /// The name without the mark of a raw identifier. A name the task does not have would make an assertion that nothing
    /// was sent hold for ever.
    fn known(&mut self, name: &'static str) -> &'static str {
        let name = name.strip_prefix("r#").unwrap_or(name);
        if !self.task.args.iter().any(|arg| arg.name == name) {
            let known: Vec<_> = self.task.args.iter().map(|arg| format!("`{}`", arg.name)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            self.mistake = Some(format!("`{}` has no argument `{name}`; it has: {known}", self.task.name));
        }
        name
    }

    fn fits(&self, message: &Enqueued) -> bool {
        message.task() == self.task.name
            && self.conditions.iter().all(|(_, check)| check(message))
            && self.within.is_none_or(|within| message.due_in() <= within)
            && self.after.is_none_or(|after| message.due_in() >= after)
    }
}

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions: Vec<_> = self.conditions.iter().map(|(text, _)| text.as_str()).collect();
        write!(f, "{}({})", self.task.name, conditions.join(", "))?;
        self.within.iter().try_for_each(|within| write!(f, ", due within {within:?}"))?;
        self.after.iter().try_for_each(|after| write!(f, ", due after {after:?}"))
    }
}

impl fmt::Debug for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The queue of this test, for an assertion that names none.
///
/// # Panics
///
/// There is none.
#[must_use]
#[track_caller]
pub fn this() -> TestQueue {
    let Some(client) = bound() else {
        panic!("this test has no queue yet: call `ltq::testing::queue()` before anything is sent")
    };
    TestQueue::of(client)
}

/// Whether such a message waits; else what to say.
///
/// # Errors
///
/// None waits, or the assertion makes no sense.
#[expect(clippy::needless_pass_by_value, reason = "it is built for this call")]
pub fn enqueued(queue: &TestQueue, expected: Expected<'_>) -> Result<(), String> {
    let messages = queue.messages();
    match &expected.mistake {
        Some(mistake) => Err(mistake.clone()),
        None if messages.iter().any(|message| expected.fits(message)) => Ok(()),
        None => Err(found(&format!("not enqueued: {expected}"), &messages)),
    }
}

/// Whether no such message waits; else what to say.
///
/// # Errors
///
/// One waits, or the assertion makes no sense.
#[expect(clippy::needless_pass_by_value, reason = "it is built for this call")]
pub fn not_enqueued(queue: &TestQueue, expected: Expected<'_>) -> Result<(), String> {
    let messages = queue.messages();
    match &expected.mistake {
        Some(mistake) => Err(mistake.clone()),
        None if !messages.iter().any(|message| expected.fits(message)) => Ok(()),
        None => Err(found(&format!("enqueued, and should not be: {expected}"), &messages)),
    }
}

/// What was looked for, and all there is.
fn found(title: &str, messages: &[Enqueued]) -> String {
    if messages.is_empty() {
        return format!("{title}\nnothing is enqueued");
    }
    let mut text = format!("{title}\nenqueued:");
    for message in messages {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "\n  {message}");
    }
    text
}
