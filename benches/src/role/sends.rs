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

type Senders = JoinSet<Result<(), BoxError>>;

/// How much is sent.
#[derive(Debug, Clone, Copy)]
struct Load {
    tasks: usize,
    /// Messages of each task.
    each: usize,
}

pub(super) async fn run(
    url: &str,
    subject: Subject,
    messages: usize,
    tasks: usize,
    stage: &mut Stage,
) -> Result<Outcome, BoxError> {
    let load = Load { tasks, each: messages / tasks };
    let mut senders = Senders::new();
    let start = match subject {
        Subject::Ltq => start_clients(url, load, stage, &mut senders).await?,
        Subject::Ceiling => start_callers(url, load, stage, &mut senders).await?,
        Subject::Rpush => start_pushers(url, load, stage, &mut senders).await?,
    };
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    start.outcome()
}

/// Tasks that send through LTQ's client.
async fn start_clients(url: &str, load: Load, stage: &mut Stage, senders: &mut Senders) -> Result<Start, BoxError> {
    let client = Client::connect(url).await?;
    stage.wait_for_go().await?;
    let start = Start::now()?;
    for _ in 0..load.tasks {
        let client = client.clone();
        senders.spawn(async move {
            let text = padding(SMALL);
            for _ in 0..load.each {
                client.send(noop.message(text.as_str())).await?;
            }
            Ok(())
        });
    }
    Ok(start)
}

/// Tasks that call LTQ's script.
async fn start_callers(url: &str, load: Load, stage: &mut Stage, senders: &mut Senders) -> Result<Start, BoxError> {
    let scripts = Scripts::connect(url).await?;
    let payload = payloads(&queue(0), SMALL, 1)?;
    stage.wait_for_go().await?;
    let start = Start::now()?;
    for task in 0..load.tasks {
        // Calls of one producer have to arrive in sequence; those of different tasks need not.
        let mut caller = scripts.caller(&queue(0), &task.to_string());
        let payload = payload.clone();
        senders.spawn(async move {
            for _ in 0..load.each {
                caller.publish(&payload).await?;
            }
            Ok(())
        });
    }
    Ok(start)
}

/// Tasks that append to a list.
async fn start_pushers(url: &str, load: Load, stage: &mut Stage, senders: &mut Senders) -> Result<Start, BoxError> {
    let client = connect(url).await?;
    let payload = payloads(&queue(0), SMALL, 1)?;
    let list = key(&queue(0), "ready");
    stage.wait_for_go().await?;
    let start = Start::now()?;
    for _ in 0..load.tasks {
        let (client, payload, list) = (client.clone(), payload.clone(), list.clone());
        senders.spawn(async move {
            for _ in 0..load.each {
                client.rpush::<(), _, _>(list.as_str(), payload.clone()).await?;
            }
            Ok(())
        });
    }
    Ok(start)
}
