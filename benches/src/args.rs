//! The command line: what to measure, how often and where to write.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::interval::FEWEST;

/// Measures LTQ, its ceiling and other queues, and writes a report.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench --")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) settings: Flags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What is measured, in a process of its own. Started by the driver.
    #[command(hide = true)]
    Role {
        #[arg(long)]
        url: String,
        /// What to do, as JSON.
        job: String,
    },
    /// Measures this commit beside another one, whose program is given. Called by `cargo xtask bench --against`.
    Compare(CompareFlags),
}

/// Flags of a comparison.
#[derive(Debug, clap::Args)]
#[command(name = "cargo xtask bench --against [COMMIT] --")]
pub(crate) struct CompareFlags {
    /// The program of the other commit.
    #[arg(long, hide = true)]
    pub(crate) baseline: PathBuf,
    /// How many times each program makes every measurement; what is unclear then, up to as many times more.
    #[arg(long, default_value_t = 12, value_parser = at_least_the_fewest)]
    pub(crate) pairs: usize,
    /// Compares these groups only.
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', value_name = "GROUP")]
    pub(crate) only: Vec<Group>,
}

/// As many pairs as an interval needs.
fn at_least_the_fewest(text: &str) -> Result<usize, String> {
    let pairs = text.parse().map_err(|error| format!("{error}"))?;
    if pairs < FEWEST { Err(format!("at least {FEWEST} pairs are needed for a confidence of 99 %")) } else { Ok(pairs) }
}

/// Flags as typed.
#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// How many messages a throughput measurement moves; slow cases take a part of it.
    #[arg(long)]
    messages: Option<usize>,
    /// How often each measurement is repeated. The report shows medians.
    #[arg(long)]
    runs: Option<usize>,
    /// Measures these groups only. The table is printed, and written only with `--out`.
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', value_name = "GROUP")]
    only: Vec<Group>,
    /// Leaves the other queues out.
    #[arg(long)]
    no_peers: bool,
    /// Everything once and small, to see that it works. The figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// The folder for the report; `docs/performance` for a full run.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A group of measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Bulk enqueue.
    Enqueue,
    /// Single sends from many places at once.
    Sends,
    /// Drain of no-ops by size, concurrency, queues and middleware.
    Drain,
    /// Two and four worker processes.
    Processes,
    /// Many messages due at one moment.
    Delayed,
    /// Messages that are each tried twice.
    Retries,
    /// Pick-up latency under open load.
    PickUp,
    /// Speed and memory by backlog.
    Backlog,
    /// Processor time, commands, bytes and allocations per message.
    Cost,
    /// What a worker costs that has nothing to do.
    Idle,
    /// Many workers on one queue, and queues spread over a cluster.
    Scale,
    /// The other queues.
    Peers,
}

/// What to do, with every default filled in.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) messages: usize,
    pub(crate) runs: usize,
    pub(crate) quick: bool,
    pub(crate) out: Option<PathBuf>,
    groups: Vec<Group>,
}

impl Flags {
    pub(crate) fn resolved(self) -> Settings {
        let whole = self.only.is_empty() && !self.quick;
        let mut groups = if self.only.is_empty() { Group::value_variants().to_vec() } else { self.only };
        if self.no_peers || self.quick {
            groups.retain(|group| *group != Group::Peers);
        }
        Settings {
            messages: self.messages.unwrap_or(if self.quick { 2_000 } else { 200_000 }).max(1_000),
            runs: self.runs.unwrap_or(if self.quick { 1 } else { 5 }).max(1),
            quick: self.quick,
            out: self.out.or_else(|| whole.then(|| PathBuf::from("docs/performance"))),
            groups,
        }
    }
}

impl Settings {
    /// Whether a group is to be measured.
    pub(crate) fn wants(&self, group: Group) -> bool {
        self.groups.contains(&group)
    }

    /// How long one load of the pick-up measurement lasts.
    pub(crate) fn load_for(&self) -> Duration {
        if self.quick { Duration::from_millis(300) } else { Duration::from_secs(5) }
    }

    /// How long idle workers are watched.
    pub(crate) fn watch_idle_for(&self) -> Duration {
        if self.quick { Duration::from_millis(500) } else { Duration::from_secs(5) }
    }

    /// How many pings are made before a load of the pick-up measurement, at most.
    pub(crate) fn pings(&self) -> u32 {
        if self.quick { 50 } else { 1_000 }
    }

    /// How many single messages are sent to idle workers.
    pub(crate) fn messages_to_idle(&self) -> usize {
        if self.quick { 3 } else { 20 }
    }

    /// How long scheduling delayed messages may take until they are due.
    pub(crate) fn until_due(&self) -> Duration {
        if self.quick { Duration::from_millis(600) } else { Duration::from_secs(3) }
    }

    /// How many workers share a queue.
    pub(crate) fn crowds(&self) -> [usize; 3] {
        if self.quick { [1, 5, 10] } else { [1, 100, 1_000] }
    }

    /// How many of them run in one process at most.
    pub(crate) fn crowd_per_process(&self) -> usize {
        if self.quick { 5 } else { 250 }
    }

    /// How long a crowd that has nothing to do is watched: some waits and many renewals of a lease.
    pub(crate) fn watch_crowd_for(&self) -> Duration {
        if self.quick { Duration::from_millis(500) } else { Duration::from_secs(20) }
    }

    /// How often a crowd that has nothing to do is woken, for each number of messages.
    pub(crate) fn bursts(&self) -> usize {
        if self.quick { 1 } else { 5 }
    }

    /// The largest backlog.
    pub(crate) fn largest_backlog(&self) -> usize {
        if self.quick { 10_000 } else { 5_000_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(flags: &[&str]) -> Settings {
        Args::try_parse_from(["bench"].iter().chain(flags)).unwrap().settings.resolved()
    }

    #[test]
    fn only_a_full_run_writes_where_the_repository_keeps_its_report() {
        assert!(settings(&[]).out.is_some());
        assert!(settings(&["--only", "drain", "idle"]).out.is_none());
        assert!(settings(&["--quick"]).out.is_none());
        assert_eq!(settings(&["--quick", "--out", "x"]).out, Some(PathBuf::from("x")));
    }

    #[test]
    fn groups_are_chosen() {
        assert!(settings(&[]).wants(Group::Peers));
        assert!(!settings(&["--no-peers"]).wants(Group::Peers));
        assert!(!settings(&["--quick"]).wants(Group::Peers));
        let some = settings(&["--only", "pick-up"]);
        assert!(some.wants(Group::PickUp) && !some.wants(Group::Drain));
    }
}
