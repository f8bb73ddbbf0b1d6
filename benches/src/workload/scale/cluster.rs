//! One worker on three queues: each on a shard of its own, beside all on one server.
//!
//! Everything shares the same cores, so the speed says little about shards that have cores of their own. What can be seen is
//! how the load spreads, what a message costs, and that calls go to the right shard at once.

use std::time::{Duration, Instant};

use fred::clients::Client as Bare;
use fred::interfaces::{KeysInterface as _, ListInterface as _};
use ltq::BoxError;

use crate::bench::Bench;
use crate::cluster::{Cluster, SHARDS, a_queue_on_each};
use crate::figure::{Figure, grouped};
use crate::job::{Crowd, Job, Outcome, Subject};
use crate::messages::{SMALL, fill, key};
use crate::numbers::{from_len, per_second};
use crate::process::{Program, Role};
use crate::record::{Place, Record};
use crate::redis_figures::{Difference, Snapshot};
use crate::server::Server;
use crate::workload::progress::done;

const WORKLOAD: &str = "a cluster of 3 shards";
const ONE_SERVER: &str = "one server";
const REDIRECTIONS: [&str; 4] = ["MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN"];
/// Calls are larger where more tasks run at once.
const CONCURRENCIES: [usize; 2] = [100, 1_000];
const POLL: Duration = Duration::from_millis(3);
const PATIENCE: Duration = Duration::from_secs(60);

/// Three queues and the servers they live on.
struct Site {
    subject: &'static str,
    url: String,
    /// A client of every server.
    servers: Vec<Bare>,
    /// Each with the index of its server.
    queues: Vec<(String, usize)>,
    per_queue: usize,
}

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let per_queue = bench.settings.messages / SHARDS;
    for subject in bench.rotated([Subject::Ltq.name(), ONE_SERVER]) {
        if subject == ONE_SERVER {
            let server = Server::start()?;
            let queues = a_queue_on_each().into_iter().map(|queue| (queue, 0)).collect();
            let site = Site { subject, url: server.url(), servers: vec![server.client().await?], queues, per_queue };
            site.measure(&mut bench.record).await?;
        } else {
            let cluster = Cluster::start().await?;
            let queues = a_queue_on_each().into_iter().zip(0..).collect();
            let site = Site { subject, url: cluster.url(), servers: cluster.clients().await?, queues, per_queue };
            site.measure(&mut bench.record).await?;
        }
    }
    Ok(())
}

impl Site {
    async fn measure(&self, record: &mut Record) -> Result<(), BoxError> {
        let queues: Vec<String> = self.queues.iter().map(|(queue, _)| queue.clone()).collect();
        self.enqueue(record, &queues).await?;
        for concurrency in CONCURRENCIES {
            self.drain(record, &queues, concurrency).await?;
        }
        Ok(())
    }

    /// Fills the queues, which are empty before and after.
    async fn enqueue(&self, record: &mut Record, queues: &[String]) -> Result<(), BoxError> {
        let job = Job::EnqueueTo { queues: queues.to_vec(), per_queue: self.per_queue };
        let mut role = Role::start(Program::Plain, &self.url, &job).await?;
        let before = self.snapshots().await?;
        role.go().await?;
        let outcome = role.outcome().await?;
        let elapsed = Duration::from_secs_f64(outcome.seconds);
        self.note(record, "bulk enqueue to 3 queues", elapsed, &self.since(&before).await?, &outcome);
        for (queue, server) in &self.queues {
            self.servers[*server].del::<(), _>(key(queue, "ready")).await?;
        }
        Ok(())
    }

    /// Empties the queues.
    async fn drain(&self, record: &mut Record, queues: &[String], concurrency: usize) -> Result<(), BoxError> {
        for (queue, server) in &self.queues {
            fill(&self.servers[*server], queue, "held", SMALL, self.per_queue).await?;
        }
        let done_before = self.done().await?;
        let empty = self.snapshots().await?;
        let job = Crowd { name: "cluster".to_owned(), workers: 1, concurrency, queues: queues.to_vec() };
        let mut role = Role::start(Program::Plain, &self.url, &Job::Crowd(job)).await?;
        role.go().await?;
        let before = self.snapshots().await?;
        let started = Instant::now();
        for (queue, server) in &self.queues {
            self.servers[*server].rename::<(), _, _>(key(queue, "held"), key(queue, "ready")).await?;
            self.servers[*server].rpush::<(), _, _>(key(queue, "wake"), "1").await?;
        }
        while self.done().await? < done_before + self.per_queue * self.queues.len() {
            if started.elapsed() > PATIENCE {
                return Err(format!("three queues are not empty after {PATIENCE:?}").into());
            }
            tokio::time::sleep(POLL).await;
        }
        let elapsed = started.elapsed();
        let (redis, all) = (self.since(&before).await?, self.since(&empty).await?);
        let outcome = role.outcome().await?;
        let case = format!("drain of 3 queues, 1 worker, concurrency {}", grouped(from_len(concurrency)));
        self.note(record, &case, elapsed, &redis, &outcome);
        record.add(self.place(&case), Figure::Connections, all.iter().map(|server| server.connections).sum());
        Ok(())
    }

    fn note(&self, record: &mut Record, case: &str, elapsed: Duration, redis: &[Difference], outcome: &Outcome) {
        let (place, messages) = (self.place(case), self.per_queue * self.queues.len());
        let sum = |of: fn(&Difference) -> f64| redis.iter().map(of).sum::<f64>();
        record.add(place, Figure::Rate, per_second(messages, elapsed));
        record.add(place, Figure::RedisCpu, sum(|server| server.cpu_us) / from_len(messages));
        record.add(place, Figure::ProcessCpu, outcome.cpu_us / from_len(messages));
        record.add(place, Figure::Commands, sum(|server| server.commands) / from_len(messages));
        record.add(place, Figure::NetworkBytes, sum(|server| server.network_bytes) / from_len(messages));
        record.add(place, Figure::Redirected, sum(redirected));
        if redis.len() > 1 {
            let (least, most) = extremes(&redis.iter().map(|server| server.cpu_us).collect::<Vec<_>>());
            record.add(place, Figure::LeastShard, least);
            record.add(place, Figure::MostShard, most);
        }
    }

    fn place<'a>(&'a self, case: &'a str) -> Place<'a> {
        Place { workload: WORKLOAD, case, subject: self.subject }
    }

    async fn snapshots(&self) -> Result<Vec<Snapshot>, BoxError> {
        let mut snapshots = Vec::new();
        for server in &self.servers {
            snapshots.push(Snapshot::take(server).await?);
        }
        Ok(snapshots)
    }

    async fn since(&self, before: &[Snapshot]) -> Result<Vec<Difference>, BoxError> {
        let after = self.snapshots().await?;
        Ok(before.iter().zip(&after).map(|(before, after)| before.until(after)).collect())
    }

    /// How many messages of all queues are done.
    async fn done(&self) -> Result<usize, BoxError> {
        let mut all = 0;
        for (queue, server) in &self.queues {
            all += done(&self.servers[*server], queue).await?;
        }
        Ok(all)
    }
}

fn redirected(server: &Difference) -> f64 {
    REDIRECTIONS.iter().map(|error| server.errors(error)).sum()
}

/// The smallest and the largest part, in percent of the whole.
fn extremes(parts: &[f64]) -> (f64, f64) {
    let percent = |part: f64| 100.0 * part / parts.iter().sum::<f64>();
    let (least, most) = (parts.iter().copied().reduce(f64::min), parts.iter().copied().reduce(f64::max));
    (percent(least.unwrap_or(0.0)), percent(most.unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_the_whole() {
        let (least, most) = extremes(&[1.0, 1.0, 2.0]);
        assert!((least - 25.0).abs() < 1e-9 && (most - 50.0).abs() < 1e-9);
    }
}
