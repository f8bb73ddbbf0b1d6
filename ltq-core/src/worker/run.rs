//! The parts of a running worker, the order in which they start and the order in which they stop.
//!
//! Start: checks, heartbeat (its thread must be connected before a lease is taken), waiters, fetch loop. There is no
//! part that forwards due messages: the broker moves them inside a turn. Stop: the fetch loop drains, then the waiters
//! give up their connections so that they take no token any more, then the worker leaves its queues, which also passes on
//! a token that was on its way, and last the heartbeat ends, since leases must hold until there is nothing to lose.

use std::sync::Arc;
use std::time::Duration;

use super::check::{Plan, check};
use super::execute::Executor;
use super::fetch::{Fetch, Stopped};
use super::heartbeat::{self, Heartbeat};
use super::membership::Membership;
use super::pool::Pool;
use super::served::Served;
use super::wait::Waiters;
use super::{Health, Shutdown, Worker, WorkerError, recover};
use crate::broker::Broker;

/// How long leaving the queues may take when the worker stops.
const LEAVE: Duration = Duration::from_secs(5);

/// Runs a worker until it has stopped.
pub(super) async fn run(worker: Worker, broker: Arc<dyn Broker>, shutdown: Shutdown) -> Result<(), WorkerError> {
    let health = worker.health.clone();
    let plan = check(worker)?;
    let ready_within = plan.options.ready_within.unwrap_or(plan.options.lease * 2);
    health.set_limits(plan.options.watchdog, ready_within);
    let result = start_and_run(plan, broker, shutdown, &health).await;
    health.stopped();
    result
}

async fn start_and_run(
    plan: Plan,
    broker: Arc<dyn Broker>,
    shutdown: Shutdown,
    health: &Health,
) -> Result<(), WorkerError> {
    let Plan { name, queues, registry, states, stack, options } = plan;
    let memberships: Vec<_> = queues.iter().map(|queue| Arc::new(Membership::new(queue.clone()))).collect();
    health.starting();
    let heartbeat = Heartbeat::start(heartbeat::Settings {
        worker: name.clone(),
        broker: Arc::clone(&broker),
        memberships: memberships.clone(),
        lease: options.lease,
        health: health.clone(),
        exit_when_stalled: options.exit_when_stalled,
    })
    .await?;
    let waiters = Waiters::start(Arc::clone(&broker), queues.clone());
    health.started();
    tracing::info!(
        worker = name,
        ?queues,
        tasks = registry.tasks().len(),
        concurrency = options.concurrency,
        broker = broker.address(),
        "worker started"
    );
    let pool = Pool::new(Arc::new(Executor { registry, states, stack, options }), queues.len());
    let served = memberships.into_iter().map(Served::new).collect();
    let fetch = Fetch::new(Arc::clone(&broker), pool, served, waiters, heartbeat, health.clone(), shutdown);
    let stopped = fetch.run().await?;
    leave(&*broker, stopped).await;
    tracing::info!(worker = name, "worker stopped");
    Ok(())
}

async fn leave(broker: &dyn Broker, stopped: Stopped) {
    let Stopped { queues, waiters, heartbeat } = stopped;
    let leaving = async {
        waiters.stop().await;
        for queue in queues.into_iter().filter(|queue| !queue.is_closed()) {
            let (name, worker) = (queue.membership.queue(), &queue.incarnation().worker);
            if let Err(error) = recover::leave(broker, name, worker).await {
                tracing::warn!(queue = %name, %error, "could not leave the queue; the lease will run out");
            }
        }
    };
    if tokio::time::timeout(LEAVE, leaving).await.is_err() {
        tracing::warn!("leaving the queues took too long; the leases will run out");
    }
    drop(heartbeat);
}
