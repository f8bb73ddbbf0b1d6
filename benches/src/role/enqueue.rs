//! Bulk enqueue: one `send_bulk`, or the publishing script with batches that were encoded before.

use ltq::{BoxError, Client};

use super::Stage;
use crate::ceiling::{BATCH, Scripts};
use crate::job::{Outcome, Subject};
use crate::messages::{SMALL, padding, payloads, queue};
use crate::tasks::noop;
use crate::usage::Start;

pub(super) async fn run(url: &str, subject: Subject, messages: usize, stage: &mut Stage) -> Result<Outcome, BoxError> {
    match subject {
        Subject::Ltq => {
            let client = Client::connect(url).await?;
            let text = padding(SMALL);
            stage.wait_for_go().await?;
            let start = Start::now()?;
            client.send_bulk((0..messages).map(|_| noop.message(text.as_str()))).await?;
            start.outcome()
        }
        Subject::Ceiling => {
            let mut caller = Scripts::connect(url).await?.caller(&queue(0), "bench");
            let payloads = payloads(&queue(0), SMALL, messages)?;
            stage.wait_for_go().await?;
            let start = Start::now()?;
            for batch in payloads.chunks(BATCH) {
                caller.publish(batch).await?;
            }
            start.outcome()
        }
        Subject::Rpush => Err("bulk enqueue is not measured with RPUSH".into()),
    }
}
