//! Many messages that are all due at one moment: from that moment until the last one is done.

use std::time::{Duration, Instant, SystemTime};

use ltq::{BoxError, Client};

use super::progress::until_done;
use crate::bench::Bench;
use crate::figure::Figure;
use crate::job::{Job, Subject, Workers};
use crate::messages::{SMALL, padding};
use crate::numbers::per_second;
use crate::process::{Program, Role};
use crate::record::Place;
use crate::server::Server;
use crate::tasks::noop;

pub(crate) const WORKLOAD: &str = "delayed messages";

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let messages = bench.settings.messages / 2;
    let case = format!("{messages} due together");
    for subject in bench.rotated([Subject::Ltq, Subject::Ceiling]) {
        let elapsed = promote(subject, messages, bench.settings.until_due()).await?;
        let place = Place { workload: WORKLOAD, case: &case, subject: subject.name() };
        bench.record.add(place, Figure::Rate, per_second(messages, elapsed));
    }
    Ok(())
}

async fn promote(subject: Subject, messages: usize, until_due: Duration) -> Result<Duration, BoxError> {
    let server = Server::start()?;
    let sender = Client::connect(&server.url()).await?;
    let (due, due_at) = (Instant::now() + until_due, SystemTime::now() + until_due);
    let text = padding(SMALL);
    sender.send_bulk((0..messages).map(|_| noop.message(text.as_str()).at(due_at))).await?;
    let job = match subject {
        Subject::Ltq => Job::Work(Workers::default()),
        _ => Job::DrainByScripts { messages, queues: 1, retry_once: false },
    };
    let mut role = Role::start(Program::Plain, &server.url(), &job).await?;
    let Some(early) = due.checked_duration_since(Instant::now()) else {
        return Err(format!("scheduling {messages} messages took longer than {until_due:?}").into());
    };
    if subject == Subject::Ltq {
        // It waits for the due time by itself.
        role.go().await?;
        until_done(&server.client().await?, 1, messages).await?;
        let elapsed = due.elapsed();
        role.outcome().await?;
        return Ok(elapsed);
    }
    tokio::time::sleep(early).await;
    role.go().await?;
    Ok(Duration::from_secs_f64(role.outcome().await?.seconds))
}
