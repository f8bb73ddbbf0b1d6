//! Enqueue, take and acknowledge in turn, a batch at a time, by a bare client: with LTQ's scripts, or with the plain
//! commands of the layout they are built on. The number of waiting messages stays the same meanwhile.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{HashesInterface as _, ListInterface as _};
use fred::types::Value;
use ltq::BoxError;

use crate::ceiling::{Caller, Settled, id_of};
use crate::messages::{SMALL, key, payloads, queue};
use crate::redis_figures::{Difference, Snapshot};
use crate::server::Server;

/// How many messages one call carries.
pub(super) const BATCH: usize = 100;

/// How the plain commands are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// One command for all messages of a batch.
    ByBatch,
    /// One command a message, those of a batch in one pipeline.
    ByMessage,
}

/// With LTQ's scripts.
pub(super) async fn by_scripts(
    server: &Server,
    caller: &mut Caller,
    messages: usize,
) -> Result<(Duration, Difference), BoxError> {
    let client = server.client().await?;
    let payloads = payloads(&queue(0), SMALL, messages)?;
    let before = Snapshot::take(&client).await?;
    let started = Instant::now();
    let mut settled = Settled::default();
    for batch in payloads.chunks(BATCH) {
        caller.publish(batch).await?;
        let taken = caller.turn(batch.len(), std::mem::take(&mut settled)).await?;
        settled.done(taken.turn, 0..taken.payloads.len());
    }
    caller.turn(0, settled).await?;
    let elapsed = started.elapsed();
    Ok((elapsed, before.until(&Snapshot::take(&client).await?)))
}

/// With `RPUSH`, `LPOP`, `HSET` and `HDEL`: no leases, no schedule, no wake-up, nothing that survives a repeat.
pub(super) async fn by_commands(
    server: &Server,
    plain: Plain,
    messages: usize,
) -> Result<(Duration, Difference), BoxError> {
    let client = server.client().await?;
    let payloads = payloads(&queue(0), SMALL, messages)?;
    let (ready, active) = (key(&queue(0), "ready"), key(&queue(0), "active:plain"));
    let before = Snapshot::take(&client).await?;
    let started = Instant::now();
    for batch in payloads.chunks(BATCH) {
        match plain {
            Plain::ByBatch => one_batch(&client, &ready, &active, batch).await?,
            Plain::ByMessage => one_by_one(&client, &ready, &active, batch).await?,
        }
    }
    let elapsed = started.elapsed();
    Ok((elapsed, before.until(&Snapshot::take(&client).await?)))
}

async fn one_batch(client: &Client, ready: &str, active: &str, batch: &[Bytes]) -> Result<(), BoxError> {
    client.rpush::<(), _, _>(ready, batch.to_vec()).await?;
    let taken: Vec<Bytes> = client.lpop(ready, Some(batch.len())).await?;
    let ids: Vec<Bytes> =
        taken.iter().map(|payload| Ok(payload.slice_ref(id_of(payload)?))).collect::<Result<_, BoxError>>()?;
    let held: Vec<(fred::types::Key, Value)> =
        ids.iter().zip(&taken).map(|(id, payload)| (id.clone().into(), Value::Bytes(payload.clone()))).collect();
    client.hset::<(), _, _>(active, held).await?;
    client.hdel::<(), _, _>(active, ids).await?;
    Ok(())
}

async fn one_by_one(client: &Client, ready: &str, active: &str, batch: &[Bytes]) -> Result<(), BoxError> {
    let pipeline = client.pipeline();
    for payload in batch {
        pipeline.rpush::<(), _, _>(ready, payload.clone()).await?;
    }
    pipeline.all::<Value>().await?;
    let taken: Vec<Bytes> = client.lpop(ready, Some(batch.len())).await?;
    let pipeline = client.pipeline();
    for payload in &taken {
        let id = payload.slice_ref(id_of(payload)?);
        pipeline.hset::<(), _, _>(active, (fred::types::Key::from(id), Value::Bytes(payload.clone()))).await?;
    }
    pipeline.all::<Value>().await?;
    let pipeline = client.pipeline();
    for payload in &taken {
        pipeline.hdel::<(), _, _>(active, payload.slice_ref(id_of(payload)?)).await?;
    }
    pipeline.all::<Value>().await?;
    Ok(())
}
