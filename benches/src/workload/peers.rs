//! The other queues, each as its own documentation sets it up for speed, beside LTQ.

use ltq::BoxError;

use super::{drain, measured};
use crate::bench::Bench;
use crate::figure::Figure;
use crate::job::{Job, Subject, Workers};
use crate::messages::SMALL;
use crate::peers::Peer;
use crate::process::Program;
use crate::record::Place;
use crate::server::Server;

pub(crate) const ENQUEUE: &str = "other queues: enqueue";
pub(crate) const DRAIN: &str = "other queues: drain";
pub(crate) const CASE: &str = "no-ops with 0.1 KB, concurrency 100";
const CONCURRENCY: usize = 100;

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let messages = bench.settings.messages;
    let workers = Workers { concurrency: CONCURRENCY, ..Workers::default() };
    let ltq = Subject::Ltq.name();
    let job = Job::Enqueue { subject: Subject::Ltq, messages };
    let enqueued = measured::job(Program::Plain, &Server::start()?, &job, messages).await?;
    enqueued.note_rate(&mut bench.record, Place { workload: ENQUEUE, case: CASE, subject: ltq });
    let drained = drain::by_workers(Program::Plain, SMALL, workers, messages).await?;
    drained.note_rate(&mut bench.record, Place { workload: DRAIN, case: CASE, subject: ltq });
    for peer in bench.peers.iter_mut().filter(|peer| peer.is_promising()) {
        match one(peer, messages / 4).await {
            Ok((enqueued, drained)) => {
                let subject = peer.name.as_str();
                bench.record.add(Place { workload: ENQUEUE, case: CASE, subject }, Figure::Rate, enqueued);
                bench.record.add(Place { workload: DRAIN, case: CASE, subject }, Figure::Rate, drained);
            }
            Err(error) => peer.failed(&error),
        }
    }
    Ok(())
}

/// Messages a second that one peer enqueues and drains, on a server of its own.
async fn one(peer: &mut Peer, messages: usize) -> Result<(f64, f64), BoxError> {
    let server = Server::start()?;
    let enqueued = peer.enqueue(&server.url(), messages).await?;
    let drained = peer.drain(&server.url(), messages, CONCURRENCY).await?;
    Ok((enqueued, drained))
}
