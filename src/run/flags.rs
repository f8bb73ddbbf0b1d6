//! [`RunFlags`]: the flags that `ltq run`, the program it builds and [`run`](super::run) share.
//!
//! Each has an environment variable. `ltq run` checks them and hands them on in those variables, not as arguments, so
//! that a password in an address is not in the process list because of it.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use ltq_core::broker::{DEFAULT_URL, redact_url};

/// The flags of a running worker.
#[derive(Debug, Clone, clap::Args)]
#[non_exhaustive]
pub struct RunFlags {
    /// Where the queues are: redis://, rediss://, unix://, redis-sentinel://, redis-cluster:// or memory://
    #[arg(long, env = "LTQ_URL", value_name = "URL", default_value = DEFAULT_URL, hide_env_values = true)]
    pub url: Address,

    /// How many tasks run at once, per worker [default: what the worker sets, else 100]
    #[arg(long, env = "LTQ_CONCURRENCY", value_name = "N")]
    pub concurrency: Option<NonZeroUsize>,

    /// Serve these queues and no others, with commas between them [default: those of the worker or its tasks]
    #[arg(long, env = "LTQ_QUEUES", value_name = "QUEUES", value_delimiter = ',')]
    pub queues: Vec<String>,

    /// What is logged: off, error, warn, info, debug, trace, or per module as in `info,my_crate=debug`
    #[arg(long, env = "LTQ_LOG_LEVEL", value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    pub log_level: String,

    /// How it is logged, to stderr
    #[arg(long, env = "LTQ_LOG_FORMAT", value_name = "FORMAT", default_value = "text", value_enum)]
    pub log_format: LogFormat,

    /// How long running tasks may take to finish when asked to stop [default: what the worker sets, else 25s]
    #[arg(long, env = "LTQ_SHUTDOWN_TIMEOUT", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub shutdown_timeout: Option<Duration>,

    /// Answer probes over HTTP there, at /live and /ready [default: no probes]
    #[arg(long, env = "LTQ_HEALTH_ADDR", value_name = "IP:PORT")]
    pub health_addr: Option<SocketAddr>,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object per line
    Json,
}

impl RunFlags {
    /// Every environment variable they are read from.
    pub const VARIABLES: [&str; 7] = [
        "LTQ_URL",
        "LTQ_LOG_LEVEL",
        "LTQ_LOG_FORMAT",
        "LTQ_CONCURRENCY",
        "LTQ_QUEUES",
        "LTQ_SHUTDOWN_TIMEOUT",
        "LTQ_HEALTH_ADDR",
    ];

    /// The same flags as environment variables, for a program that reads them with this type.
    #[must_use]
    pub fn to_env(&self) -> Vec<(&'static str, String)> {
        let mut env = vec![
            ("LTQ_URL", self.url.0.clone()),
            ("LTQ_LOG_LEVEL", self.log_level.clone()),
            ("LTQ_LOG_FORMAT", if self.log_format == LogFormat::Json { "json" } else { "text" }.to_owned()),
        ];
        if let Some(concurrency) = self.concurrency {
            env.push(("LTQ_CONCURRENCY", concurrency.to_string()));
        }
        if !self.queues.is_empty() {
            env.push(("LTQ_QUEUES", self.queues.join(",")));
        }
        if let Some(timeout) = self.shutdown_timeout {
            env.push(("LTQ_SHUTDOWN_TIMEOUT", humantime::format_duration(timeout).to_string()));
        }
        if let Some(address) = self.health_addr {
            env.push(("LTQ_HEALTH_ADDR", address.to_string()));
        }
        env
    }
}

/// The address of a broker. What it prints hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// The address as given, password included.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = Infallible;

    // Nothing is checked here, because clap would print a wrong address, its password included.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact_url(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path of Rust: names with `::` between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPath(String);

impl TaskPath {
    /// The whole path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first name: the crate.
    #[must_use]
    pub fn crate_name(&self) -> &str {
        self.0.split("::").next().unwrap_or_default()
    }

    /// The last name.
    #[must_use]
    pub fn last(&self) -> &str {
        self.0.rsplit("::").next().unwrap_or_default()
    }

    /// The same path in the crate `name`.
    #[must_use]
    pub fn in_crate(&self, name: &str) -> Self {
        Self(format!("{name}{}", &self.0[self.crate_name().len()..]))
    }
}

impl fmt::Display for TaskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TaskPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The crate may be given as its package is called, with dashes.
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '#'))
        };
        if text.split("::").all(is_name) {
            Ok(Self(text.to_owned()))
        } else {
            Err("write a path of Rust: `crate`, `crate::module` or `crate::path::to::worker_function`".to_owned())
        }
    }
}

/// A misspelt level would be taken for the name of a module, and silence everything else.
fn log_level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for part in text.split(',').map(str::trim) {
        if !part.contains('=') && !LEVELS.contains(&part.to_ascii_lowercase().as_str()) {
            return Err(format!("`{part}` is not a level: write one of {}, or `module=level`", LEVELS.join(", ")));
        }
    }
    match tracing_subscriber::EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        flags: RunFlags,
    }

    fn parse(arguments: &[&str]) -> Result<RunFlags, String> {
        Program::try_parse_from([&["program"], arguments].concat())
            .map(|program| program.flags)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn flags_are_handed_on_as_environment_variables() {
        let flags = parse(&[
            "--url=redis://:secret@host",
            "--concurrency=7",
            "--queues=a,b",
            "--log-level=info,app=debug",
            "--log-format=json",
            "--shutdown-timeout=1m 30s",
            "--health-addr=[::1]:8081",
        ])
        .unwrap();
        assert_eq!(flags.shutdown_timeout, Some(Duration::from_secs(90)));
        let expected = [
            ("LTQ_URL", "redis://:secret@host"),
            ("LTQ_LOG_LEVEL", "info,app=debug"),
            ("LTQ_LOG_FORMAT", "json"),
            ("LTQ_CONCURRENCY", "7"),
            ("LTQ_QUEUES", "a,b"),
            ("LTQ_SHUTDOWN_TIMEOUT", "1m 30s"),
            ("LTQ_HEALTH_ADDR", "[::1]:8081"),
        ];
        assert_eq!(expected.map(|(name, _)| name), RunFlags::VARIABLES);
        assert_eq!(flags.to_env(), expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn wrong_values_say_what_to_write() {
        assert!(parse(&["--log-level", "inof"]).unwrap_err().contains("debug"));
        assert!(parse(&["--concurrency", "0"]).unwrap_err().contains("--concurrency"));
        assert!(parse(&["--shutdown-timeout", "25"]).unwrap_err().contains("25sec"));
        for path in ["", "a::", "::a", "a:b", "src/lib.rs"] {
            assert!(path.parse::<TaskPath>().unwrap_err().contains("crate::module"), "{path}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let flags = parse(&["--url", "redis://user:secret@host:6379"]).unwrap();
        assert!(!format!("{flags:?} {}", flags.url).contains("secret"));
        let help = <Program as clap::CommandFactory>::command().render_long_help().to_string();
        assert!(help.contains("[env: LTQ_URL]"), "{help}");
    }

    #[test]
    fn a_path_can_move_to_the_name_of_the_library() {
        let path: TaskPath = "my-app::jobs::worker".parse().unwrap();
        assert_eq!((path.crate_name(), path.last()), ("my-app", "worker"));
        assert_eq!(path.in_crate("my_app").as_str(), "my_app::jobs::worker");
        assert_eq!("my-app".parse::<TaskPath>().unwrap().in_crate("other").as_str(), "other");
    }
}
