//! The parts of a running worker, the order in which they start and the order in which they stop.
//!
//! Start: checks, heartbeat (its thread must be connected before a lease is taken), waits, fetch loop. There is no
//! part that forwards due messages: the broker moves them inside a turn. Stop: the fetch loop drains, then the waits
//! give up their connections so that they take no token any more, then the worker leaves its queues, which also passes on
//! a token that was on its way, and last the heartbeat ends, since leases must hold until there is nothing to lose.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::builder::Worker;
use super::check::{Plan, check};
use super::execute::Executor;
use super::fetch::{Fetch, Stopped};
use super::heartbeat::{self, Heartbeat};
use super::membership::Membership;
use super::pool::Pool;
use super::served::Served;
use super::wait::Waits;
use super::{Health, Shutdown, WorkerError, record, recover};
use crate::broker::{Broker, ProcessId};
use crate::client::{BrokerAccess as _, Client};
use crate::message::QueueName;

/// How long leaving the queues may take when the worker stops.
const LEAVE: Duration = Duration::from_secs(5);

/// Runs a worker on the broker of `client`, with which its tasks send, until it has stopped.
pub(super) async fn run(worker: Worker, client: Client, shutdown: Shutdown) -> Result<(), WorkerError> {
    let health = worker.health.clone();
    let plan = check(worker)?;
    let ready_within = plan.options.ready_within.unwrap_or(plan.options.lease * 2);
    health.set_limits(plan.options.watchdog, ready_within);
    let result = start_and_run(plan, client, shutdown, &health).await;
    health.stopped();
    result
}

async fn start_and_run(plan: Plan, client: Client, shutdown: Shutdown, health: &Health) -> Result<(), WorkerError> {
    let Plan { name, queues, registry, states, stack, options } = plan;
    let broker = Arc::clone(client.broker());
    let process = ProcessId::new();
    let member = |queue: &QueueName| Arc::new(Membership::new(queue.clone(), process.clone()));
    let memberships: Vec<_> = queues.iter().map(member).collect();
    let (tasks, description) = (registry.tasks().len(), record::describe(&name, &options, &registry));
    let (lease, concurrency, exit_when_stalled) = (options.lease, options.concurrency, options.exit_when_stalled);
    let pool = Pool::new(Arc::new(Executor::new(registry, states, stack, options)), client, queues.len());
    health.starting();
    prove(&*broker, &queues).await?;
    let heartbeat = Heartbeat::start(heartbeat::Settings {
        worker: name.clone(),
        broker: Arc::clone(&broker),
        memberships: memberships.clone(),
        lease,
        health: health.clone(),
        exit_when_stalled,
        description: Arc::new(description),
        running: pool.running(),
    })
    .await?;
    let waits = Waits::start(Arc::clone(&broker), queues.clone());
    health.started();
    tracing::info!(worker = name, ?queues, tasks, concurrency, broker = broker.address(), "worker started");
    let served = memberships.into_iter().map(Served::new).collect();
    let fetch = Fetch::new(Arc::clone(&broker), pool, served, waits, heartbeat, health.clone(), shutdown);
    let stopped = fetch.run().await?;
    leave(&*broker, stopped).await;
    tracing::info!(worker = name, "worker stopped");
    Ok(())
}

/// Finds out whether the broker lets this worker serve its queues. One that cannot be reached while others can is served when
/// it is back: in a cluster its server may be away.
async fn prove(broker: &dyn Broker, queues: &[QueueName]) -> Result<(), WorkerError> {
    let proofs = join_all(queues.iter().map(async |queue| (queue, broker.prove(queue).await))).await;
    let reached = proofs.iter().any(|(_, proof)| proof.is_ok());
    for (queue, proof) in proofs {
        match proof {
            Err(error) if reached && error.is_transient() => {
                tracing::warn!(%queue, %error, "the queue cannot be reached; it is served when it can");
            }
            proof => proof?,
        }
    }
    Ok(())
}

async fn leave(broker: &dyn Broker, stopped: Stopped) {
    let Stopped { queues, waits, heartbeat } = stopped;
    let leaving = async {
        waits.stop().await;
        // All at once: one whose server is away must not keep the worker from leaving the others.
        let leaving = queues.into_iter().filter(|queue| !queue.is_closed()).map(async |queue| {
            let (name, worker) = (queue.membership.queue(), &queue.incarnation().worker);
            if let Err(error) = recover::leave(broker, name, worker).await {
                tracing::warn!(queue = %name, %error, "could not leave the queue; the lease will run out");
            }
        });
        join_all(leaving).await;
    };
    if tokio::time::timeout(LEAVE, leaving).await.is_err() {
        tracing::warn!("leaving the queues took too long; the leases will run out");
    }
    drop(heartbeat);
}
