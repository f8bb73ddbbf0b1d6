//! Single sends: many tasks that each send one message after the other and wait for each.

use fred::interfaces::ListInterface as _;
use ltq::{BoxError, Client};
use tokio::task::JoinSet;

use super::Stage;
use crate::ceiling::Scripts;
use crate::job::{Outcome, Subject};
use crate::messages::{SMALL, key, padding, payloads, queue};
use crate::server::connect;
use crate::tasks::noop;
use crate::usage::Start;

pub(super) async fn run(
    url: &str,
    subject: Subject,
    messages: usize,
    tasks: usize,
    stage: &mut Stage,
) -> Result<Outcome, BoxError> {
    let each = messages / tasks;
    let mut senders: JoinSet<Result<(), BoxError>> = JoinSet::new();
    let start;
    match subject {
        Subject::Ltq => {
            let client = Client::connect(url).await?;
            stage.wait_for_go().await?;
            start = Start::now()?;
            for _ in 0..tasks {
                let client = client.clone();
                senders.spawn(async move {
                    let text = padding(SMALL);
                    for _ in 0..each {
                        client.send(noop.message(text.as_str())).await?;
                    }
                    Ok(())
                });
            }
        }
        Subject::Ceiling => {
            let scripts = Scripts::connect(url).await?;
            let payload = payloads(&queue(0), SMALL, 1)?;
            stage.wait_for_go().await?;
            start = Start::now()?;
            for task in 0..tasks {
                // Calls of one producer have to arrive in sequence; those of different tasks need not.
                let mut caller = scripts.caller(&queue(0), &task.to_string());
                let payload = payload.clone();
                senders.spawn(async move {
                    for _ in 0..each {
                        caller.publish(&payload).await?;
                    }
                    Ok(())
                });
            }
        }
        Subject::Rpush => {
            let client = connect(url).await?;
            let payload = payloads(&queue(0), SMALL, 1)?;
            let list = key(&queue(0), "ready");
            stage.wait_for_go().await?;
            start = Start::now()?;
            for _ in 0..tasks {
                let (client, payload, list) = (client.clone(), payload.clone(), list.clone());
                senders.spawn(async move {
                    for _ in 0..each {
                        client.rpush::<(), _, _>(list.as_str(), payload.clone()).await?;
                    }
                    Ok(())
                });
            }
        }
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    start.outcome()
}
