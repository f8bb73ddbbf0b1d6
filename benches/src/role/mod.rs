//! The measured side: a process that does one [`Job`] and prints its [`Outcome`].
//!
//! It says `ready`, waits for a line, says `going` and begins. A job without an end of its own goes on until standard input
//! ends. The last line it prints is the outcome.

pub(crate) mod crowd;
mod drain;
mod enqueue;
pub(crate) mod pick_up;
mod sends;
mod spread;
mod work;

use std::io::Write as _;

use ltq::BoxError;
use tokio::io::{AsyncBufReadExt as _, BufReader, Stdin};

use crate::job::{Job, Outcome};

/// Does the job.
pub(crate) async fn run(url: &str, job: &Job) -> Result<(), BoxError> {
    let mut stage = Stage { stdin: BufReader::new(tokio::io::stdin()) };
    let outcome = match *job {
        Job::Enqueue { subject, messages } => enqueue::run(url, subject, messages, &mut stage).await,
        Job::Sends { subject, messages, tasks } => sends::run(url, subject, messages, tasks, &mut stage).await,
        Job::Work(workers) => work::run(url, workers, &mut stage).await,
        Job::Crowd(ref crowd) => crowd::run(url, crowd, &mut stage).await,
        Job::EnqueueTo { ref queues, per_queue } => spread::run(url, queues, per_queue, &mut stage).await,
        Job::DrainByScripts { messages, queues, retry_once } => {
            drain::run(url, messages, queues, retry_once, &mut stage).await
        }
        Job::PickUp { per_second, lasting, pings, workers } => {
            let load = pick_up::Load { per_second, lasting, pings };
            pick_up::run(url, load, workers, &mut stage).await
        }
    }?;
    stage.say(&serde_json::to_string::<Outcome>(&outcome)?)
}

/// The line to the driver.
struct Stage {
    stdin: BufReader<Stdin>,
}

impl Stage {
    /// Returns when the driver says so.
    async fn wait_for_go(&mut self) -> Result<(), BoxError> {
        self.say("ready")?;
        let mut line = String::new();
        self.stdin.read_line(&mut line).await?;
        self.say("going")
    }

    /// Returns when the driver asks how far the work is; false when it wants the work to end.
    async fn wait_for_question(&mut self) -> Result<bool, BoxError> {
        let mut line = String::new();
        Ok(self.stdin.read_line(&mut line).await? > 0)
    }

    /// Returns when the driver wants the work to end.
    async fn wait_for_stop(&mut self) -> Result<(), BoxError> {
        let mut line = String::new();
        while self.stdin.read_line(&mut line).await? > 0 {
            line.clear();
        }
        Ok(())
    }

    fn say(&self, line: &str) -> Result<(), BoxError> {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{line}")?;
        Ok(stdout.flush()?)
    }
}
