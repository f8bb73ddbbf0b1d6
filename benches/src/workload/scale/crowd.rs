//! [`Crowd`]: worker processes on a server of their own, as the driver sees them.

use fred::clients::Client as Bare;
use ltq::BoxError;

use super::CONCURRENCY;
use crate::job::{self, Job, Outcome};
use crate::messages::queue;
use crate::numbers::from_count;
use crate::process::{Program, Role};
use crate::redis_figures::Snapshot;
use crate::role::crowd::{FEWEST, MOST, THREADS, TOOK};
use crate::server::Server;

/// Workers that wait for messages.
pub(super) struct Crowd {
    pub(super) server: Server,
    /// The driver's own.
    pub(super) client: Bare,
    /// The server before the first worker came.
    pub(super) empty: Snapshot,
    pub(super) workers: usize,
    roles: Vec<Role>,
}

/// What all processes together have used since they were asked before.
#[derive(Debug, Default)]
pub(super) struct Used {
    pub(super) seconds: f64,
    pub(super) cpu_us: f64,
    pub(super) resident_bytes: f64,
    pub(super) threads: f64,
    /// Messages of the worker with the fewest, and of that with the most.
    pub(super) fewest: f64,
    pub(super) most: f64,
    /// Workers that had a message.
    pub(super) took: f64,
}

impl Crowd {
    /// Starts so many workers, spread over as few processes as may be, and waits until all are idle.
    pub(super) async fn start(workers: usize, per_process: usize) -> Result<Self, BoxError> {
        let server = Server::start()?;
        let client = server.client().await?;
        let empty = Snapshot::take(&client).await?;
        let mut roles = Vec::new();
        for (number, workers) in split(workers, per_process).into_iter().enumerate() {
            let name = format!("crowd-{number}");
            let crowd = job::Crowd { name, workers, concurrency: CONCURRENCY, queues: vec![queue(0)] };
            let mut role = Role::start(Program::Plain, &server.url(), &Job::Crowd(crowd)).await?;
            role.go().await?;
            roles.push(role);
        }
        Ok(Self { server, client, empty, workers, roles })
    }

    pub(super) fn processes(&self) -> usize {
        self.roles.len()
    }

    pub(super) async fn used(&mut self) -> Result<Used, BoxError> {
        let mut outcomes = Vec::new();
        for role in &mut self.roles {
            outcomes.push(role.so_far().await?);
        }
        Ok(Used::together(&outcomes))
    }

    /// Stops the workers, and refuses if one of them had failed.
    pub(super) async fn stop(self) -> Result<(), BoxError> {
        for role in self.roles {
            role.outcome().await?;
        }
        Ok(())
    }
}

impl Used {
    fn together(outcomes: &[Outcome]) -> Self {
        let each =
            |name: &'static str| outcomes.iter().map(move |outcome| outcome.more.get(name).copied().unwrap_or(0.0));
        Self {
            seconds: outcomes.iter().map(|outcome| outcome.seconds).fold(0.0, f64::max),
            cpu_us: outcomes.iter().map(|outcome| outcome.cpu_us).sum(),
            resident_bytes: outcomes.iter().map(|outcome| from_count(outcome.resident_bytes)).sum(),
            threads: each(THREADS).sum(),
            fewest: each(FEWEST).reduce(f64::min).unwrap_or(0.0),
            most: each(MOST).reduce(f64::max).unwrap_or(0.0),
            took: each(TOOK).sum(),
        }
    }
}

/// How many workers each process has.
fn split(workers: usize, per_process: usize) -> Vec<usize> {
    let processes = workers.div_ceil(per_process);
    (0..processes).map(|number| (workers - number).div_ceil(processes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_spread_evenly() {
        assert_eq!(split(1, 250), [1]);
        assert_eq!(split(1_000, 250), [250; 4]);
        assert_eq!(split(11, 5), [4, 4, 3]);
    }

    #[test]
    fn processes_are_put_together() {
        let process = |fewest, most| Outcome {
            seconds: 1.0,
            cpu_us: 10.0,
            more: [(FEWEST, fewest), (MOST, most), (TOOK, 2.0)].map(|(name, value)| (name.to_owned(), value)).into(),
            ..Outcome::default()
        };
        let used = Used::together(&[process(1.0, 5.0), process(0.0, 3.0)]);
        let told = [used.seconds, used.cpu_us, used.fewest, used.most, used.took].map(|value| value.to_string());
        assert_eq!(told, ["1", "20", "0", "5", "4"]);
    }
}
