//! `cargo xtask bench`: how fast LTQ is, beside the ceiling of its own scripts in the same run.
//!
//! Every measurement runs on a Redis server of its own, LTQ and ceiling in turn, several times; the table shows medians
//! and LTQ's share of the ceiling. Absolute figures say as much about the machine as about LTQ; the share is the claim.

mod ceiling;
mod measure;
mod report;
mod tasks;

use std::path::PathBuf;

use clap::Parser;
use ltq::BoxError;

/// Measures and prints a table.
#[derive(Debug, Parser)]
struct Args {
    /// How many messages a throughput run moves.
    #[arg(long, default_value_t = 200_000)]
    messages: usize,
    /// How often each measurement is repeated.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// How many tasks the worker runs at once.
    #[arg(long, default_value_t = 100)]
    concurrency: usize,
    /// How many messages a latency run sends, one after the other.
    #[arg(long, default_value_t = 500)]
    samples: usize,
    /// Also writes the table to this file.
    #[arg(long)]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let args = Args::parse();
    let mut report = report::Report::new(&args);
    for run in 1..=args.runs {
        eprintln!("run {run} of {}", args.runs);
        measure::bulk_enqueue(&args, &mut report).await?;
        measure::single_sends(&args, &mut report).await?;
        measure::drain(&args, &mut report).await?;
        measure::pick_up(&args, &mut report).await?;
    }
    report.finish()?;
    Ok(())
}
