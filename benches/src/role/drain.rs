//! The ceiling of a drain: LTQ's turn script in a loop of a bare client. Each message is given to a spawned task that does
//! nothing, and settled by the next turn, which is made when all of them have ended.

use std::collections::HashSet;

use bytes::Bytes;
use ltq::BoxError;
use tokio::task::JoinSet;

use super::Stage;
use crate::ceiling::{BATCH, Caller, Scripts, Settled, id_of};
use crate::job::Outcome;
use crate::messages::queue;
use crate::usage::Start;

/// One queue that is not yet empty.
struct Drain {
    caller: Caller,
    settled: Settled,
    left: usize,
}

pub(super) async fn run(
    url: &str,
    messages: usize,
    queues: usize,
    retry_once: bool,
    stage: &mut Stage,
) -> Result<Outcome, BoxError> {
    let scripts = Scripts::connect(url).await?;
    let mut drains: Vec<Drain> = (0..queues)
        .map(|number| Drain {
            caller: scripts.caller(&queue(number), "bench"),
            settled: Settled::default(),
            left: messages,
        })
        .collect();
    let mut tried = HashSet::new();
    stage.wait_for_go().await?;
    let start = Start::now()?;
    while !drains.is_empty() {
        for drain in &mut drains {
            let taken = drain.caller.turn(BATCH, std::mem::take(&mut drain.settled)).await?;
            run_all(&taken.payloads).await;
            let mut done = Vec::with_capacity(taken.payloads.len());
            for (index, payload) in taken.payloads.into_iter().enumerate() {
                if retry_once && tried.insert(<[u8; 16]>::try_from(id_of(&payload)?)?) {
                    drain.settled.retry(taken.turn, index, payload);
                } else {
                    done.push(index);
                }
            }
            drain.left = drain.left.saturating_sub(done.len());
            drain.settled.done(taken.turn, done);
        }
        for mut finished in drains.extract_if(.., |drain| drain.left == 0) {
            finished.caller.turn(0, finished.settled).await?;
        }
    }
    start.outcome()
}

/// Runs a task that does nothing for each message.
async fn run_all(payloads: &[Bytes]) {
    let mut executions = JoinSet::new();
    for payload in payloads {
        let payload = payload.clone();
        executions.spawn(async move { drop(payload) });
    }
    while executions.join_next().await.is_some() {}
}
