//! What this process has used: processor time and memory.

use std::time::Instant;

use ltq::BoxError;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use crate::allocations::Counting;
use crate::job::Outcome;
use crate::numbers::from_count;

/// Where the measurement of a role began.
#[derive(Debug)]
pub(crate) struct Start {
    at: Instant,
    cpu_us: u64,
    allocations: Counting,
}

impl Start {
    pub(crate) fn now() -> Result<Self, BoxError> {
        Ok(Self { allocations: Counting::start(), cpu_us: cpu_us()?, at: Instant::now() })
    }

    /// What was used since.
    pub(crate) fn outcome(self) -> Result<Outcome, BoxError> {
        Ok(Outcome {
            seconds: self.at.elapsed().as_secs_f64(),
            cpu_us: from_count(cpu_us()?.saturating_sub(self.cpu_us)),
            allocations: self.allocations.finish(),
            resident_bytes: resident_bytes(),
            ..Outcome::default()
        })
    }
}

/// Processor time of all threads, in the program and in the kernel on its behalf.
fn cpu_us() -> Result<u64, BoxError> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(u64::try_from(usage.user_time().num_microseconds() + usage.system_time().num_microseconds())?)
}

fn resident_bytes() -> u64 {
    1024 * status("VmRSS:")
}

/// How many threads there are.
pub(crate) fn threads() -> u64 {
    status("Threads:")
}

/// A number that the system has about this process; zero where it does not say.
fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
