//! [`RunError`]: why a program of workers ended, what is printed about it, and its exit code.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use ltq_core::broker::BrokerError;
use ltq_core::worker::{AppError, WorkerError};

use super::flags::{LogFormat, RunFlags};
use super::lookup::LookupError;

/// It failed while it ran.
const FAILED: u8 = 1;
/// It cannot start as it is called or set up: starting it again does not help.
const USAGE: u8 = 2;
/// The broker cannot be reached, or refuses (`EX_UNAVAILABLE` of sysexits).
const UNAVAILABLE: u8 = 69;
/// The watchdog gave up (`EX_SOFTWARE` of sysexits).
const STALLED: u8 = 70;

/// Why it ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    /// A path leads nowhere, or the paths do not go together.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// One list of queues for several workers.
    #[error(
        "--queues says what one worker serves, and there are {0}: start one `ltq run` per PATH, or leave --queues out"
    )]
    QueuesOfSeveral(usize),
    /// No runtime.
    #[error("cannot start {part}")]
    Start {
        /// What cannot be started.
        part: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Nobody could ask for its health.
    #[error("cannot answer probes on {address}; give --health-addr (LTQ_HEALTH_ADDR) another address, or leave it out")]
    Probes {
        /// Where it was to listen.
        address: SocketAddr,
        /// Why it cannot.
        #[source]
        source: std::io::Error,
    },
    /// The workers did not start, or one of them failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// Something of LTQ, or the function that makes the worker, panicked.
    #[error("{0} panicked; the message is above")]
    Panicked(&'static str),
}

impl RunError {
    fn broker(&self) -> Option<&BrokerError> {
        match self {
            Self::App(AppError::Client(error) | AppError::Worker { source: WorkerError::Broker(error), .. }) => {
                Some(error)
            }
            _ => None,
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Lookup(_) | Self::QueuesOfSeveral(_) => USAGE,
            Self::Start { .. } | Self::Probes { .. } | Self::Panicked(_) => FAILED,
            Self::App(AppError::NoWorker | AppError::Client(BrokerError::Address { .. })) => USAGE,
            Self::App(AppError::Client(_)) => UNAVAILABLE,
            Self::App(AppError::Worker { source, .. }) => match source {
                WorkerError::NoTasks { .. }
                | WorkerError::DuplicateTask(_)
                | WorkerError::MissingState(_)
                | WorkerError::InvalidQueueName(_)
                | WorkerError::InvalidMiddleware(_)
                | WorkerError::InvalidOption { .. } => USAGE,
                WorkerError::Broker(_) | WorkerError::QueuesClosed { .. } => UNAVAILABLE,
                WorkerError::Stalled { .. } => STALLED,
                _ => FAILED,
            },
            Self::App(_) => FAILED,
        }
    }

    /// What to do, where the texts of the errors cannot know it.
    fn hint(&self) -> Option<&'static str> {
        match self.broker()? {
            BrokerError::Unavailable { .. } | BrokerError::Timeout { .. } => {
                Some("start a Redis server there (`redis-server`), or say where one is with --url or LTQ_URL")
            }
            BrokerError::Refused { .. } => Some("check user, password and database in --url or LTQ_URL"),
            _ => None,
        }
    }
}

/// Prints what is wrong with the command line, or the help that was asked for.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to do where not even this can be printed.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

/// Prints one error with its causes, in the format of the logs.
pub(super) fn report(error: &RunError, flags: &RunFlags) -> ExitCode {
    let code = error.code();
    match flags.log_format {
        LogFormat::Text => {
            eprintln!("error: {}", chain(error, "\n  caused by: "));
            if let Some(hint) = error.hint() {
                eprintln!("  help: {hint}");
            }
        }
        LogFormat::Json => tracing::error!(exit_code = code, help = error.hint(), "{}", chain(error, ": ")),
    }
    ExitCode::from(code)
}

/// The error and its causes; a cause whose text is part of the one before is left out.
fn chain(error: &dyn Error, separator: &str) -> String {
    let mut last = error.to_string();
    let mut text = last.clone();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !last.contains(&next) {
            text.push_str(separator);
            text.push_str(&next);
            last = next;
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn failed(source: WorkerError) -> RunError {
        AppError::Worker { worker: "emails".to_owned(), source }.into()
    }

    #[test]
    fn exit_codes_say_whether_starting_again_helps() {
        let no_tasks = WorkerError::NoTasks { worker: "emails".to_owned(), reason: "none".to_owned() };
        assert_eq!(failed(no_tasks).code(), 2);
        assert_eq!(failed(WorkerError::Stalled { what: "no fetch", limit: Duration::from_secs(1) }).code(), 70);
        let away = || BrokerError::Unavailable {
            address: "host:6379".to_owned(),
            reason: "connection refused".to_owned(),
            source: Some("connection refused".into()),
        };
        assert_eq!(failed(WorkerError::Broker(away())).code(), 69);
        assert_eq!(RunError::App(AppError::Client(away())).code(), 69);
        let source = BrokerError::Refused { address: "host".to_owned(), call: "turn", reason: "NOPERM".to_owned() };
        assert_eq!(failed(WorkerError::QueuesClosed { queue: "emails".to_owned(), source }).code(), 69);
        let address = BrokerError::Address { url: "amqp://host".to_owned(), reason: "unknown".to_owned() };
        assert_eq!(RunError::App(AppError::Client(address)).code(), 2);
    }

    #[test]
    fn causes_are_told_once() {
        let error = failed(WorkerError::Broker(BrokerError::Unavailable {
            address: "host:6379".to_owned(),
            reason: "connection refused".to_owned(),
            source: Some("connection refused".into()),
        }));
        assert_eq!(chain(&error, ": "), "the worker `emails` failed: cannot reach host:6379: connection refused");
        assert!(error.hint().is_some_and(|hint| hint.contains("LTQ_URL")));
    }
}
