//! [`Measured`]: one subject at work on a server of its own, with what the server did meanwhile.

use std::time::{Duration, Instant};

use ltq::BoxError;

use super::progress::until_done;
use crate::figure::Figure;
use crate::job::{Job, Outcome, Subject, Workers};
use crate::messages::release;
use crate::numbers::{from_len, per_second};
use crate::process::{Program, Role};
use crate::record::{Place, Record};
use crate::redis_figures::{Difference, Snapshot};
use crate::server::Server;

/// What was seen of it.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) messages: usize,
    pub(crate) elapsed: Duration,
    pub(crate) redis: Difference,
    /// Of all its processes together.
    pub(crate) cpu_us: f64,
    pub(crate) allocations: u64,
}

impl Measured {
    pub(crate) fn note_rate(&self, record: &mut Record, place: Place<'_>) {
        record.add(place, Figure::Rate, per_second(self.messages, self.elapsed));
    }

    pub(crate) fn note_costs(&self, record: &mut Record, place: Place<'_>) {
        let messages = from_len(self.messages);
        // Scripts call `RPUSH` too, so it does not count as a command of clients; here it is nothing else.
        let rpush = place.subject == Subject::Rpush.name();
        let commands = if rpush { self.redis.calls("rpush") } else { self.redis.commands };
        for (figure, total) in [
            (Figure::RedisCpu, self.redis.cpu_us),
            (Figure::ProcessCpu, self.cpu_us),
            (Figure::Commands, commands),
            (Figure::NetworkBytes, self.redis.network_bytes),
        ] {
            record.add(place, figure, total / messages);
        }
    }
}

/// A job that ends by itself.
pub(crate) async fn job(program: Program, server: &Server, job: &Job, messages: usize) -> Result<Measured, BoxError> {
    let client = server.client().await?;
    let mut role = Role::start(program, &server.url(), job).await?;
    let before = Snapshot::take(&client).await?;
    role.go().await?;
    let Outcome { seconds, cpu_us, allocations, .. } = role.outcome().await?;
    let redis = before.until(&Snapshot::take(&client).await?);
    Ok(Measured { messages, elapsed: Duration::from_secs_f64(seconds), redis, cpu_us, allocations })
}

/// Workers that empty queues whose messages are held beside them, `per_queue` each.
pub(crate) async fn drain(
    program: Program,
    server: &Server,
    processes: usize,
    workers: Workers,
    per_queue: usize,
) -> Result<Measured, BoxError> {
    let client = server.client().await?;
    let mut roles = Vec::new();
    for _ in 0..processes {
        roles.push(Role::start(program, &server.url(), &Job::Work(workers)).await?);
    }
    for role in &mut roles {
        role.go().await?;
    }
    let before = Snapshot::take(&client).await?;
    let started = Instant::now();
    release(&client, workers.queues).await?;
    until_done(&client, workers.queues, per_queue).await?;
    let elapsed = started.elapsed();
    let redis = before.until(&Snapshot::take(&client).await?);
    let (mut cpu_us, mut allocations) = (0.0, 0);
    for role in roles {
        let outcome = role.outcome().await?;
        cpu_us += outcome.cpu_us;
        allocations += outcome.allocations;
    }
    Ok(Measured { messages: per_queue * workers.queues, elapsed, redis, cpu_us, allocations })
}
