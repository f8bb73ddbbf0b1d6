//! Drain of no-ops: a worker empties queues that were filled before.

use ltq::BoxError;

use super::measured::{self, Measured};
use crate::bench::Bench;
use crate::job::{Job, Subject, Workers};
use crate::messages::{SIZES, SMALL, fill, hold, queue};
use crate::process::Program;
use crate::record::Place;
use crate::server::Server;

pub(crate) const WORKLOAD: &str = "drain of no-ops";
pub(crate) const CONCURRENCIES: [usize; 4] = [1, 10, 100, 1_000];
const QUEUES: [usize; 2] = [1, 50];

/// The case of such a worker, and of messages with arguments called `size`.
pub(crate) fn case(size: &str, workers: Workers) -> String {
    let Workers { concurrency, queues, middleware, .. } = workers;
    let middleware = if middleware { "default" } else { "no" };
    let plural = if queues == 1 { "" } else { "s" };
    format!("{size}, {queues} queue{plural}, concurrency {concurrency}, {middleware} middleware")
}

/// The usual worker with another concurrency.
pub(crate) fn usual_at(concurrency: usize) -> Workers {
    Workers { concurrency, ..Workers::default() }
}

/// The case that promises are about.
pub(crate) fn usual_case() -> String {
    case(SIZES[0].1, Workers::default())
}

/// What is measured: every concurrency with the usual middleware, and the usual concurrency with none.
fn workers(quick: bool, queues: usize) -> impl Iterator<Item = Workers> {
    let usual = Workers { queues, ..Workers::default() };
    let by_concurrency = CONCURRENCIES.map(|concurrency| Workers { concurrency, ..usual });
    let bare = Workers { middleware: false, ..usual };
    by_concurrency.into_iter().chain([bare]).filter(move |workers| !quick || queues == 1 || workers.concurrency == 100)
}

/// How many messages: enough for some tenths of a second.
fn messages_for(all: usize, size: usize, concurrency: usize) -> usize {
    let by_size = match size {
        SMALL => 1,
        ..=1_000 => 2,
        _ => 8,
    };
    let by_concurrency = match concurrency {
        1 => 40,
        ..=10 => 4,
        _ => 1,
    };
    all / by_size.max(by_concurrency)
}

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let quick = bench.settings.quick;
    for (size, size_name) in SIZES {
        if quick && size == 1_000 {
            continue;
        }
        for queues in QUEUES {
            let all: Vec<Workers> = workers(quick, queues).collect();
            let ceiling =
                by_scripts(Program::Plain, size, queues, messages_for(bench.settings.messages, size, 100)).await?;
            for workers in &all {
                let case = case(size_name, *workers);
                ceiling.note_rate(&mut bench.record, place(&case, Subject::Ceiling));
            }
            for workers in all {
                let messages = messages_for(bench.settings.messages, size, workers.concurrency);
                let measured = by_workers(Program::Plain, size, workers, messages).await?;
                measured.note_rate(&mut bench.record, place(&case(size_name, workers), Subject::Ltq));
            }
        }
    }
    Ok(())
}

/// LTQ's drain.
pub(super) async fn by_workers(
    program: Program,
    size: usize,
    workers: Workers,
    messages: usize,
) -> Result<Measured, BoxError> {
    let server = Server::start()?;
    let per_queue = messages / workers.queues;
    hold(&server.client().await?, workers.queues, size, per_queue).await?;
    measured::drain(program, &server, 1, workers, per_queue).await
}

/// The ceiling's drain.
pub(super) async fn by_scripts(
    program: Program,
    size: usize,
    queues: usize,
    messages: usize,
) -> Result<Measured, BoxError> {
    let server = Server::start()?;
    let client = server.client().await?;
    let per_queue = messages / queues;
    for number in 0..queues {
        fill(&client, &queue(number), "ready", size, per_queue).await?;
    }
    let job = Job::DrainByScripts { messages: per_queue, queues, retry_once: false };
    measured::job(program, &server, &job, per_queue * queues).await
}

fn place(case: &str, subject: Subject) -> Place<'_> {
    Place { workload: WORKLOAD, case, subject: subject.name() }
}
