//! Bulk enqueue.

use ltq::BoxError;

use super::measured;
use crate::bench::Bench;
use crate::job::{Job, Subject};
use crate::process::Program;
use crate::record::Place;
use crate::server::Server;

pub(crate) const WORKLOAD: &str = "bulk enqueue";
pub(crate) const CASE: &str = "160-byte messages";

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let messages = bench.settings.messages * 2;
    for subject in bench.rotated([Subject::Ltq, Subject::Ceiling]) {
        let server = Server::start()?;
        let measured = measured::job(Program::Plain, &server, &Job::Enqueue { subject, messages }, messages).await?;
        measured.note_rate(&mut bench.record, Place { workload: WORKLOAD, case: CASE, subject: subject.name() });
    }
    Ok(())
}
