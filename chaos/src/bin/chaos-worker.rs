//! A worker that the driver starts, kills and freezes.

use std::process::ExitCode;

fn main() -> ExitCode {
    ltq::run(ltq_chaos::worker())
}
