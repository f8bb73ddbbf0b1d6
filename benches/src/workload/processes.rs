//! Several worker processes on one queue. The ceiling is that of one process.

use ltq::BoxError;

use super::{drain, measured};
use crate::bench::Bench;
use crate::job::{Subject, Workers};
use crate::messages::{SMALL, hold};
use crate::process::Program;
use crate::record::Place;
use crate::server::Server;

const WORKLOAD: &str = "worker processes";

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let messages = bench.settings.messages;
    let ceiling = drain::by_scripts(Program::Plain, SMALL, 1, messages).await?;
    for processes in bench.rotated([1, 2, 4]) {
        let case = format!("{processes} of concurrency 100");
        let place = |subject: Subject| Place { workload: WORKLOAD, case: &case, subject: subject.name() };
        let server = Server::start()?;
        hold(&server.client().await?, 1, SMALL, messages).await?;
        let measured = measured::drain(Program::Plain, &server, processes, Workers::default(), messages).await?;
        measured.note_rate(&mut bench.record, place(Subject::Ltq));
        ceiling.note_rate(&mut bench.record, place(Subject::Ceiling));
    }
    Ok(())
}
