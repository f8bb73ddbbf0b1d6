//! What a message costs: processor time of Redis and of the process, commands and bytes over the wire, allocations.
//!
//! Allocations are counted in runs of their own, by the program whose allocator counts; all else is of the plain program.

use ltq::BoxError;

use super::drain;
use super::measured::{self, Measured};
use super::pairs::{self, Plain};
use crate::bench::Bench;
use crate::ceiling::Scripts;
use crate::figure::Figure;
use crate::job::{Job, Subject, Workers};
use crate::messages::{SMALL, fill, queue};
use crate::numbers::{from_count, from_len};
use crate::process::Program;
use crate::record::Place;
use crate::server::Server;

pub(crate) const WORKLOAD: &str = "cost";
/// Enqueue, take and acknowledge, of which the design promises what it costs.
pub(crate) const WHOLE_WAY: &str = "enqueue, take and acknowledge in batches of 100";
/// The layout with nothing around it, in two ways.
pub(crate) const PLAIN_BY_BATCH: &str = "plain, a command a batch";
pub(crate) const PLAIN_BY_MESSAGE: &str = "plain, a command a message";
/// The same for LTQ as it is used: bulk enqueue, and a worker that chooses its own batches.
const WHOLE_WAY_OF_LTQ: &str = "bulk enqueue and drain, concurrency 100";
pub(crate) const ENQUEUE: &str = "bulk enqueue";
pub(crate) const SENDS: &str = "single sends, 64 at once";
pub(crate) const DRAIN: &str = "drain, concurrency 100";
/// Messages that wait meanwhile.
const WAITING: usize = 1_000;

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let messages = bench.settings.messages;
    for subject in bench.rotated([Subject::Ltq, Subject::Ceiling]) {
        let enqueued = enqueue(Program::Plain, subject, messages).await?;
        enqueued.note_costs(&mut bench.record, place(ENQUEUE, subject));
        let drained = drain(Program::Plain, subject, messages).await?;
        drained.note_costs(&mut bench.record, place(DRAIN, subject));
        let whole = (enqueued.redis.cpu_us + drained.redis.cpu_us) / from_len(messages);
        bench.record.add(place(WHOLE_WAY_OF_LTQ, subject), Figure::RedisCpu, whole);

        let enqueued = enqueue(Program::Counting, subject, messages).await?;
        note_allocations(bench, place(ENQUEUE, subject), &enqueued);
        let drained = drain(Program::Counting, subject, messages).await?;
        note_allocations(bench, place(DRAIN, subject), &drained);
    }
    for subject in bench.rotated([Subject::Ltq, Subject::Ceiling, Subject::Rpush]) {
        // The same number for each of the tasks.
        let messages = (messages / 2).div_ceil(64) * 64;
        let job = Job::Sends { subject, messages, tasks: 64 };
        let sent = measured::job(Program::Plain, &Server::start()?, &job, messages).await?;
        sent.note_costs(&mut bench.record, place(SENDS, subject));
        let sent = measured::job(Program::Counting, &Server::start()?, &job, messages).await?;
        note_allocations(bench, place(SENDS, subject), &sent);
    }
    whole_way(bench).await
}

/// LTQ's scripts beside the commands of their layout, all in batches of 100.
async fn whole_way(bench: &mut Bench) -> Result<(), BoxError> {
    let messages = bench.settings.messages;
    for plain in bench.rotated([None, Some(Plain::ByBatch), Some(Plain::ByMessage)]) {
        let server = Server::start()?;
        fill(&server.client().await?, &queue(0), "ready", SMALL, WAITING).await?;
        let (subject, (_, redis)) = match plain {
            None => {
                let mut caller = Scripts::connect(&server.url()).await?.caller(&queue(0), "pairs");
                (Subject::Ceiling.name(), pairs::by_scripts(&server, &mut caller, messages).await?)
            }
            Some(plain) => {
                let name = if plain == Plain::ByBatch { PLAIN_BY_BATCH } else { PLAIN_BY_MESSAGE };
                (name, pairs::by_commands(&server, plain, messages).await?)
            }
        };
        let place = Place { workload: WORKLOAD, case: WHOLE_WAY, subject };
        bench.record.add(place, Figure::RedisCpu, redis.cpu_us / from_len(messages));
        bench.record.add(place, Figure::NetworkBytes, redis.network_bytes / from_len(messages));
    }
    Ok(())
}

async fn enqueue(program: Program, subject: Subject, messages: usize) -> Result<Measured, BoxError> {
    measured::job(program, &Server::start()?, &Job::Enqueue { subject, messages }, messages).await
}

async fn drain(program: Program, subject: Subject, messages: usize) -> Result<Measured, BoxError> {
    match subject {
        Subject::Ltq => drain::by_workers(program, SMALL, Workers::default(), messages).await,
        _ => drain::by_scripts(program, SMALL, 1, messages).await,
    }
}

fn note_allocations(bench: &mut Bench, place: Place<'_>, measured: &Measured) {
    let allocations = from_count(measured.allocations) / from_len(measured.messages);
    bench.record.add(place, Figure::Allocations, allocations);
}

fn place(case: &str, subject: Subject) -> Place<'_> {
    Place { workload: WORKLOAD, case, subject: subject.name() }
}
