//! Logs of a running worker: to stderr, as text or JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::flags::{LogFormat, RunFlags};

/// Starts logging. A subscriber the program has installed itself stays.
pub(super) fn start(flags: &RunFlags) {
    // The level was checked when it was parsed.
    let filter = EnvFilter::builder().parse_lossy(&flags.log_level);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match flags.log_format {
        LogFormat::Text => builder.with_ansi(colours()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// Colours are for terminals, and only where <https://no-color.org> is not asked for.
fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
