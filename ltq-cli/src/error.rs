//! [`CliError`]: why a command did not do what it was asked to, and its exit code.

use std::path::PathBuf;

use ltq::{BrokerError, InvalidQueueName, MessageId, SendError};

use crate::run::RunError;

/// It failed, or was answered with no.
const FAILED: u8 = 1;
/// It cannot be done as called: doing it again does not help.
const USAGE: u8 = 2;
/// The broker cannot be reached, or refuses (`EX_UNAVAILABLE` of sysexits).
const UNAVAILABLE: u8 = 69;

/// Why a command failed. No text holds a password or an argument of a task.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    InvalidQueueName(#[from] InvalidQueueName),
    #[error(
        "`memory://` lives inside one process, so no other program can look into it: name a server with --url or LTQ_URL"
    )]
    Memory,
    #[error("there is no queue `{name}`{meant}\nthere are: {known}")]
    UnknownQueue { name: String, meant: String, known: String },
    #[error("the queue `{queue}` has no dead letter {id}; `ltq dead list {queue}` lists what there is")]
    NoLetter { queue: String, id: MessageId },
    #[error("refusing to {what} without asking, and there is no terminal to ask on: add --yes")]
    NoTerminal { what: String },
    #[error("nothing was changed")]
    Declined,
    #[error("--args cannot be read: {reason}; write a JSON object from argument to value, like {{\"name\": \"Ada\"}}")]
    Json { reason: String },
    #[error("there is no task `{name}` in `{path}`{meant}\nthere are: {known}")]
    UnknownTask { name: String, path: String, meant: String, known: String },
    #[error("the task `{task}` has no argument `{argument}`{meant}\nit takes: {known}")]
    UnknownArgument { task: String, argument: String, meant: String, known: String },
    #[error("{} is there already: choose another name, or remove it", path.display())]
    Exists { path: PathBuf },
    #[error("there is no package `ltq` in {}: --ltq-path is the folder of ltq's Cargo.toml", path.display())]
    NoLtq { path: PathBuf },
    #[error("`cargo new` failed; its message is above")]
    CargoNew,
    /// It has said why.
    #[error("the program that was built cannot run {paths}; its message is above")]
    Refused { paths: String, code: u8 },
    #[error(
        "the answer of the program that was built cannot be read: {reason}; build with one version of `ltq` and `ltq-cli`"
    )]
    Answer { reason: String },
    #[error("cannot {what}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot watch {}", path.display())]
    Watch {
        path: PathBuf,
        #[source]
        source: notify::Error,
    },
    #[error("redis-server did not start: {reason}; name a server with --url or LTQ_URL")]
    PrivateRedis { reason: String },
}

impl CliError {
    /// An error of the operating system while doing `what`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Run(error) => error.code(),
            Self::Refused { code, .. } => *code,
            Self::Broker(error) => broker_code(error),
            Self::Send(SendError::Broker(error)) => broker_code(error),
            Self::Send(_)
            | Self::InvalidQueueName(_)
            | Self::Memory
            | Self::UnknownQueue { .. }
            | Self::NoTerminal { .. }
            | Self::Json { .. }
            | Self::UnknownTask { .. }
            | Self::UnknownArgument { .. }
            | Self::Exists { .. }
            | Self::NoLtq { .. } => USAGE,
            Self::NoLetter { .. }
            | Self::Declined
            | Self::CargoNew
            | Self::Answer { .. }
            | Self::Io { .. }
            | Self::Watch { .. }
            | Self::PrivateRedis { .. } => FAILED,
        }
    }

    /// What to do, where the texts of the errors cannot know it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        let error = match self {
            Self::Broker(error) => error,
            Self::Send(SendError::Broker(error)) => error,
            _ => return None,
        };
        match error {
            BrokerError::Unavailable { .. } | BrokerError::Timeout { .. } => {
                Some("start a Redis server there (`redis-server`), or say where one is with --url or LTQ_URL")
            }
            BrokerError::Refused { .. } => Some("check user, password and database in --url or LTQ_URL"),
            _ => None,
        }
    }
}

fn broker_code(error: &BrokerError) -> u8 {
    match error {
        BrokerError::Address { .. } => USAGE,
        BrokerError::Unavailable { .. } | BrokerError::Timeout { .. } | BrokerError::Refused { .. } => UNAVAILABLE,
        _ => FAILED,
    }
}
