//! Messages that each fail once and are tried again at once: every one is run twice, and waits in Redis in between.

use ltq::BoxError;

use super::measured;
use crate::bench::Bench;
use crate::job::{Job, Subject, Workers};
use crate::messages::{SMALL, fill, hold_failing, queue};
use crate::process::Program;
use crate::record::Place;
use crate::server::Server;

const WORKLOAD: &str = "retries";

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let messages = bench.settings.messages / 4;
    for subject in bench.rotated([Subject::Ltq, Subject::Ceiling]) {
        let server = Server::start()?;
        let client = server.client().await?;
        let measured = if subject == Subject::Ltq {
            hold_failing(&client, &queue(0), messages).await?;
            measured::drain(Program::Plain, &server, 1, Workers::default(), messages).await?
        } else {
            fill(&client, &queue(0), "ready", SMALL, messages).await?;
            let job = Job::DrainByScripts { messages, queues: 1, retry_once: true };
            measured::job(Program::Plain, &server, &job, messages).await?
        };
        let place = Place { workload: WORKLOAD, case: "each message run twice", subject: subject.name() };
        measured.note_rate(&mut bench.record, place);
    }
    Ok(())
}
