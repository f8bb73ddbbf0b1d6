//! How a task ends: [`TaskResult`], [`RetryMessage`], [`RejectMessage`], and [`Failure`], the one reading of an error.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::BoxError;
use crate::message::DecodeError;

/// The result of a task in which `?` works on any error.
pub type TaskResult<T = ()> = Result<T, TaskError>;

/// Any error. Like `anyhow::Error` it converts from every error type and is, for that reason, none itself.
pub struct TaskError(BoxError);

impl TaskError {
    /// An error with a text of its own.
    pub fn msg(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// Wraps an error that is already boxed, or that only converts into a box.
    pub fn boxed(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }

    /// The error inside.
    #[must_use]
    pub fn into_boxed(self) -> BoxError {
        self.0
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for TaskError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Returned as an error: the message is put back and becomes ready after `delay`, whatever attempts are left.
///
/// The worker slot is free at once and the message is safe in the broker while it waits. It charges an attempt, which
/// `Context::attempt` shows, unless [`uncharged`](Self::uncharged) says otherwise.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RetryMessage {
    /// How long until the message is ready again.
    pub delay: Duration,
    /// Why, for the log.
    pub reason: String,
    /// Whether an attempt is charged; `true` unless changed.
    pub charged: bool,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl RetryMessage {
    /// Back after `delay`, because of `reason`.
    pub fn new(delay: Duration, reason: impl Into<String>) -> Self {
        Self { delay, reason: reason.into(), charged: true, cause: None }
    }

    /// Back after `delay`, without a reason.
    #[must_use]
    pub fn after(delay: Duration) -> Self {
        Self::new(delay, "")
    }

    /// Back after `delay`, because `error` ended the attempt. Its text is the reason, and it stays reachable as the
    /// source.
    pub fn because_of(delay: Duration, error: impl Into<BoxError>) -> Self {
        let error = error.into();
        Self { delay, reason: error.to_string(), charged: true, cause: Some(error.into()) }
    }

    /// Does not charge an attempt: nothing was tried, the time had not come.
    #[must_use]
    pub fn uncharged(mut self) -> Self {
        self.charged = false;
        self
    }
}

impl fmt::Display for RetryMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "retry in {:?}", self.delay)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

impl Error for RetryMessage {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// Two are equal when they do the same to the message; the error behind them does not matter.
impl PartialEq for RetryMessage {
    fn eq(&self, other: &Self) -> bool {
        (self.delay, &self.reason, self.charged) == (other.delay, &other.reason, other.charged)
    }
}

impl Eq for RetryMessage {}

/// Returned as an error: the message ends at once as a dead letter marked rejected, and is never retried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectMessage {
    /// Why, for the dead letter.
    pub reason: String,
}

impl RejectMessage {
    /// Ends the message because of `reason`.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl fmt::Display for RejectMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rejected: {}", self.reason)
    }
}

impl Error for RejectMessage {}

/// The arguments of a message do not fit its task: running it again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the task `{task}` cannot take this message")]
#[non_exhaustive]
pub struct InvalidArguments {
    /// The task's name.
    pub task: &'static str,
    /// What does not fit.
    #[source]
    pub source: DecodeError,
}

impl InvalidArguments {
    /// The arguments do not fit the task called `task`, because of `source`.
    #[must_use]
    pub fn new(task: &'static str, source: DecodeError) -> Self {
        Self { task, source }
    }
}

/// A task panicked. It counts as an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the task panicked: {message}")]
#[non_exhaustive]
pub struct TaskPanicked {
    /// The panic's message, if it was a text.
    pub message: String,
}

impl TaskPanicked {
    /// Reads the payload of a caught panic.
    #[must_use]
    pub fn from_payload(payload: &(dyn std::any::Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "(no text)".to_owned());
        Self { message }
    }
}

/// The message was older than allowed when its turn came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message is {age:?} old, {max_age:?} are allowed")]
#[non_exhaustive]
pub struct MessageExpired {
    /// How old it was.
    pub age: Duration,
    /// How old it might have been.
    pub max_age: Duration,
}

/// What an error that left the middleware stack means for the message: the one place that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure<'a> {
    /// Put back, ready after a delay.
    Retry(&'a RetryMessage),
    /// Dead letter, rejected.
    Reject(&'a RejectMessage),
    /// Dead letter, undecodable.
    InvalidArguments(&'a InvalidArguments),
    /// Dead letter, expired.
    Expired,
    /// Any other error: retried by the `Retry` middleware while attempts are left, else a dead letter.
    Error,
}

impl<'a> Failure<'a> {
    /// Reads an error.
    #[must_use]
    pub fn of(error: &'a BoxError) -> Self {
        if let Some(retry) = error.downcast_ref() {
            Self::Retry(retry)
        } else if let Some(reject) = error.downcast_ref() {
            Self::Reject(reject)
        } else if let Some(invalid) = error.downcast_ref() {
            Self::InvalidArguments(invalid)
        } else if error.is::<MessageExpired>() {
            Self::Expired
        } else {
            Self::Error
        }
    }
}

/// An error a task may return.
#[diagnostic::on_unimplemented(
    message = "a task cannot return `{Self}` as its error",
    label = "expected a type that implements `std::error::Error + Send + Sync + 'static`",
    note = "return `ltq::TaskResult<T>`: `?` turns any error into it, and `.map_err(TaskError::boxed)` turns boxed errors into it"
)]
pub trait IntoTaskError {
    /// Boxes it.
    fn into_boxed_error(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<TaskError>> IntoTaskError for E {
    fn into_boxed_error(self) -> BoxError {
        self.into().0
    }
}
