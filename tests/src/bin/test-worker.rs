//! The worker that the integration tests start, signal, kill and freeze.

use std::process::ExitCode;

fn main() -> ExitCode {
    ltq::run(ltq_tests::tasks::worker())
}
