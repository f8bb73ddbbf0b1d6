//! `cargo xtask bench`: what LTQ does in a second and what it costs, beside the ceiling of its own scripts and beside other
//! queues, all in the same run.
//!
//! Two kinds of process share this code. The driver starts Redis servers, goes through the workloads and writes the
//! report. What is measured runs in a process of its own, a *role*, so that its processor time, memory and allocations
//! can be told from the driver's. The driver tells a role what to do by a `Job` on its command line.
//!
//! Absolute figures say as much about the machine as about LTQ; shares of the ceiling and ratios are the claims.

mod allocations;
mod args;
mod bench;
mod ceiling;
mod clock;
mod cluster;
mod compare;
mod driver;
mod figure;
mod guard;
mod interval;
mod job;
mod limits;
mod messages;
mod numbers;
mod peers;
mod process;
mod record;
mod redis_figures;
mod report;
mod role;
mod server;
mod tasks;
mod tokens;
mod usage;
mod workload;

use std::process::ExitCode;

use clap::Parser as _;
use ltq::BoxError;

/// Runs the driver, or the role that the driver asks for.
#[must_use]
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(args: args::Args) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Runtime::new()?;
    match args.command {
        Some(args::Command::Compare(flags)) => compare::run(&flags),
        Some(args::Command::Role { url, job }) => runtime.block_on(role::run(&url, &serde_json::from_str(&job)?)),
        None => runtime.block_on(driver::run(args.settings.resolved())),
    }
}
