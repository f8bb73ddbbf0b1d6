//! [`TaskDef`]: the constant description of a task, built by generated code.

use std::time::Duration;

use super::{Delivery, Output, StateDef};
use crate::{BoxError, BoxFuture};

/// Runs one delivery: decodes the arguments, injects, calls the user's function, hands on what it returned.
pub type Handler = fn(Delivery) -> BoxFuture<'static, Result<Output, BoxError>>;

/// Everything known about a task at compile time.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TaskDef {
    /// The name that travels in messages: `module_path::function` unless set.
    pub name: &'static str,
    /// The path of the function: what `ltq run` is given.
    pub path: &'static str,
    /// The queue its messages go to unless the message says otherwise.
    pub queue: &'static str,
    /// The source file of the function.
    pub file: &'static str,
    /// The line of the function.
    pub line: u32,
    /// The payload arguments, in the order of the function.
    pub args: &'static [ArgDef],
    /// What the worker must provide.
    pub states: &'static [StateDef],
    /// The options given in the attribute.
    pub options: TaskOptions,
    /// Runs it.
    pub handler: Handler,
}

/// One payload argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArgDef {
    /// Its key on the wire: the argument's name unless renamed.
    pub name: &'static str,
    /// Its type, as written.
    pub ty: &'static str,
    /// Whether a message may lack it because the task says what it is then. An `Option` may be missing too.
    pub has_default: bool,
    /// Whether its value must not be shown, even where arguments are shown on request.
    pub skip_log: bool,
}

impl ArgDef {
    /// An argument called `name` of the type written `ty`.
    #[must_use]
    pub const fn new(name: &'static str, ty: &'static str) -> Self {
        Self { name, ty, has_default: false, skip_log: false }
    }

    /// Marks it as one a message may lack.
    #[must_use]
    pub const fn has_default(mut self) -> Self {
        self.has_default = true;
        self
    }

    /// Marks it as one whose value must not be shown.
    #[must_use]
    pub const fn skip_log(mut self) -> Self {
        self.skip_log = true;
        self
    }
}

/// The options of the attribute; `None` leaves the decision to the worker's middleware.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct TaskOptions {
    /// How often the task is tried in all, at least 1.
    pub max_attempts: Option<u32>,
    /// How long to wait between attempts.
    pub backoff: Option<BackoffDef>,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// How often the task may start, per worker process.
    pub rate: Option<Rate>,
    /// How old a message may be when its turn comes.
    pub max_age: Option<Duration>,
    /// Whether it is a plain function that runs on the blocking pool.
    pub blocking: bool,
}

/// Waiting times between attempts: `min · factor^(attempt - 1)`, at most `max`, then drawn evenly from zero to that.
///
/// The factor is 2 unless the worker's `Retry` has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackoffDef {
    /// The bound for the first retry.
    pub min: Duration,
    /// The bound that later retries never exceed.
    pub max: Duration,
}

impl BackoffDef {
    /// A backoff from `min` to `max`.
    #[must_use]
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max }
    }
}

/// A number of starts per time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// How many starts, at least 1.
    pub count: u32,
    /// In which time, more than zero.
    pub per: Duration,
}

impl Rate {
    /// `count` starts in each `per`.
    #[must_use]
    pub const fn new(count: u32, per: Duration) -> Self {
        Self { count, per }
    }
}

/// How generated code makes one.
#[doc(hidden)]
impl TaskDef {
    /// A task called `name`, of the function at `path`, whose queue is its name.
    #[must_use]
    pub const fn new(name: &'static str, path: &'static str, handler: Handler) -> Self {
        Self {
            name,
            path,
            queue: name,
            file: "",
            line: 0,
            args: &[],
            states: &[],
            options: TaskOptions {
                max_attempts: None,
                backoff: None,
                timeout: None,
                rate: None,
                max_age: None,
                blocking: false,
            },
            handler,
        }
    }

    /// Sets the queue.
    #[must_use]
    pub const fn queue(mut self, queue: &'static str) -> Self {
        self.queue = queue;
        self
    }

    /// Sets where the function stands.
    #[must_use]
    pub const fn at(mut self, file: &'static str, line: u32) -> Self {
        self.file = file;
        self.line = line;
        self
    }

    /// Sets the payload arguments.
    #[must_use]
    pub const fn args(mut self, args: &'static [ArgDef]) -> Self {
        self.args = args;
        self
    }

    /// Sets what the worker must provide.
    #[must_use]
    pub const fn states(mut self, states: &'static [StateDef]) -> Self {
        self.states = states;
        self
    }

    /// Sets how often the task is tried in all.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = Some(attempts);
        self
    }

    /// Sets the waiting times between attempts.
    #[must_use]
    pub const fn backoff(mut self, backoff: BackoffDef) -> Self {
        self.options.backoff = Some(backoff);
        self
    }

    /// Sets how long one attempt may take.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Sets how often the task may start.
    #[must_use]
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.options.rate = Some(rate);
        self
    }

    /// Sets how old a message may be.
    #[must_use]
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.options.max_age = Some(max_age);
        self
    }

    /// Marks it as running on the blocking pool.
    #[must_use]
    pub const fn blocking(mut self) -> Self {
        self.options.blocking = true;
        self
    }
}
