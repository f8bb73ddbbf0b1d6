//! Single sends from one, some and many tasks at once: LTQ, its publishing script with one message a call, and a plain
//! `RPUSH` a message.

use ltq::BoxError;

use super::measured;
use crate::bench::Bench;
use crate::job::{Job, Subject};
use crate::process::Program;
use crate::record::Place;
use crate::server::Server;

pub(crate) const WORKLOAD: &str = "single sends";
const TASKS: [usize; 3] = [1, 64, 1_000];

/// The case of so many tasks.
pub(crate) fn case(tasks: usize) -> String {
    format!("{tasks} at once")
}

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    for tasks in TASKS {
        let messages = if tasks == 1 { bench.settings.messages / 40 } else { bench.settings.messages / 2 };
        // The same number for each task.
        let messages = messages.div_ceil(tasks) * tasks;
        for subject in bench.rotated([Subject::Ltq, Subject::Ceiling, Subject::Rpush]) {
            let server = Server::start()?;
            let job = Job::Sends { subject, messages, tasks };
            let measured = measured::job(Program::Plain, &server, &job, messages).await?;
            let place = Place { workload: WORKLOAD, case: &case(tasks), subject: subject.name() };
            measured.note_rate(&mut bench.record, place);
        }
    }
    Ok(())
}
