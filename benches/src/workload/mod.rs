//! The workloads, one file each, and what they share: a subject at work on a server of its own.

pub(crate) mod backlog;
pub(crate) mod cost;
pub(crate) mod delayed;
pub(crate) mod drain;
pub(crate) mod enqueue;
pub(crate) mod idle;
mod measured;
mod pairs;
mod peers;
pub(crate) mod pick_up;
mod processes;
mod progress;
mod retries;
mod scale;
pub(crate) mod sends;

use ltq::BoxError;

pub(crate) use self::cost::{DRAIN as DRAIN_COST, PLAIN_BY_BATCH, PLAIN_BY_MESSAGE, WHOLE_WAY, WORKLOAD as COST};
pub(crate) use self::peers::{CASE as PEERS_CASE, DRAIN as PEERS_DRAIN, ENQUEUE as PEERS_ENQUEUE};
use crate::args::Group;
use crate::bench::Bench;

/// Makes every measurement that is wanted once.
pub(crate) async fn run_all(bench: &mut Bench) -> Result<(), BoxError> {
    if bench.settings.wants(Group::Enqueue) {
        enqueue::run(bench).await?;
    }
    if bench.settings.wants(Group::Sends) {
        sends::run(bench).await?;
    }
    if bench.settings.wants(Group::Drain) {
        drain::run(bench).await?;
    }
    if bench.settings.wants(Group::Processes) {
        processes::run(bench).await?;
    }
    if bench.settings.wants(Group::Delayed) {
        delayed::run(bench).await?;
    }
    if bench.settings.wants(Group::Retries) {
        retries::run(bench).await?;
    }
    if bench.settings.wants(Group::PickUp) {
        pick_up::run(bench).await?;
    }
    if bench.settings.wants(Group::Backlog) {
        backlog::run(bench).await?;
    }
    if bench.settings.wants(Group::Cost) {
        cost::run(bench).await?;
    }
    if bench.settings.wants(Group::Idle) {
        idle::run(bench).await?;
    }
    if bench.settings.wants(Group::Scale) {
        scale::run(bench).await?;
    }
    if bench.settings.wants(Group::Peers) {
        peers::run(bench).await?;
    }
    Ok(())
}
