//! Bulk enqueue to several queues: one `send_bulk`, a message for each queue in turn.

use std::borrow::Cow;

use ltq::{BoxError, Client};

use super::Stage;
use crate::job::Outcome;
use crate::messages::{SMALL, padding};
use crate::tasks::noop;
use crate::usage::Start;

pub(super) async fn run(
    url: &str,
    queues: &[String],
    per_queue: usize,
    stage: &mut Stage,
) -> Result<Outcome, BoxError> {
    let client = Client::connect(url).await?;
    let text = padding(SMALL);
    let queues: Vec<Cow<'static, str>> = queues.iter().cloned().map(Cow::Owned).collect();
    stage.wait_for_go().await?;
    let start = Start::now()?;
    let turns = (0..per_queue).flat_map(|_| queues.iter().cloned());
    client.send_bulk(turns.map(|queue| noop.message(text.as_str()).on_queue(queue))).await?;
    start.outcome()
}
