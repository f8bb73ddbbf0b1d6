//! A crowd at work: on a backlog that it shares, and on messages that come at a steady pace.
//!
//! Each wait that is begun (`BLPOP`) is of a worker that had nothing left to do. At a steady pace that is a worker that was
//! woken, but for the waits of others that end by themselves.

use std::time::{Duration, Instant};

use ltq::{BoxError, Client, SendError};
use tokio::task::JoinSet;

use super::crowd::{Crowd, Used};
use crate::bench::Bench;
use crate::figure::Figure;
use crate::job::Subject;
use crate::messages::{SMALL, hold, padding, queue, release};
use crate::numbers::{from_len, per_second};
use crate::record::{Place, Record};
use crate::redis_figures::{Difference, Snapshot};
use crate::tasks::noop;
use crate::workload::progress::{done, until_done};

/// How many messages a second come at a steady pace, and how many of them at once.
const PACE: usize = 2_000;
const AT_ONCE: usize = 2;

/// The crowd empties a queue that was full before it began.
pub(super) async fn backlog(bench: &mut Bench, crowd: &mut Crowd, case: &str) -> Result<(), BoxError> {
    let messages = bench.settings.messages;
    hold(&crowd.client, 1, SMALL, messages).await?;
    let target = done(&crowd.client, &queue(0)).await? + messages;
    crowd.used().await?;
    let before = Snapshot::take(&crowd.client).await?;
    let started = Instant::now();
    release(&crowd.client, 1).await?;
    until_done(&crowd.client, 1, target).await?;
    let elapsed = started.elapsed();
    let redis = before.until(&Snapshot::take(&crowd.client).await?);
    let used = crowd.used().await?;
    let place = Place { workload: "many workers: a backlog of no-ops", case, subject: Subject::Ltq.name() };
    bench.record.add(place, Figure::Rate, per_second(messages, elapsed));
    note(&mut bench.record, place, messages, &redis, &used);
    Ok(())
}

/// Messages are sent one by one, at a pace that leaves most workers idle.
pub(super) async fn paced(bench: &mut Bench, crowd: &mut Crowd, case: &str) -> Result<(), BoxError> {
    let sender = Client::connect(&crowd.server.url()).await?;
    let messages = usize::try_from(bench.settings.load_for().as_millis())? * PACE / 1_000;
    let target = done(&crowd.client, &queue(0)).await? + messages;
    crowd.used().await?;
    let before = Snapshot::take(&crowd.client).await?;
    send_paced(&sender, messages).await?;
    until_done(&crowd.client, 1, target).await?;
    let redis = before.until(&Snapshot::take(&crowd.client).await?);
    let used = crowd.used().await?;
    let place = Place { workload: "many workers: 2,000 single sends a second", case, subject: Subject::Ltq.name() };
    note(&mut bench.record, place, messages, &redis, &used);
    sender.close().await;
    Ok(())
}

async fn send_paced(sender: &Client, messages: usize) -> Result<(), BoxError> {
    let mut sends = JoinSet::<Result<(), SendError>>::new();
    // Ticks that come late are made up for, so the pace holds on average.
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(PACE / AT_ONCE)?);
    for number in 0..messages {
        if number % AT_ONCE == 0 {
            ticks.tick().await;
        }
        let sender = sender.clone();
        sends.spawn(async move { sender.send(noop.message(padding(SMALL))).await.map(drop) });
    }
    while let Some(sent) = sends.join_next().await {
        sent??;
    }
    Ok(())
}

fn note(record: &mut Record, place: Place<'_>, messages: usize, redis: &Difference, used: &Used) {
    let messages = from_len(messages);
    record.add(place, Figure::RedisCpu, redis.cpu_us / messages);
    record.add(place, Figure::ProcessCpu, used.cpu_us / messages);
    record.add(place, Figure::Commands, redis.commands / messages);
    record.add(place, Figure::WaitsBegun, redis.calls("blpop") / messages);
    record.add(place, Figure::Took, used.took);
    record.add(place, Figure::Fewest, used.fewest);
    record.add(place, Figure::Most, used.most);
}
