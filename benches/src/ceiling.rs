//! The ceiling: LTQ's scripts called by a plain fred client in a loop. No codec, no tasks, no middleware, no settlement
//! bookkeeping, and nobody else on the queue.

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ClientLike, LuaInterface};
use fred::prelude::Config;
use fred::types::Value;
use ltq::BoxError;
use ltq_core::message::{Envelope, MessageId, encode_args};
use tokio::task::JoinSet;

const PRELUDE: &str = concat!(
    include_str!("../../ltq-core/src/broker/redis/clock.lua"),
    "\n",
    include_str!("../../ltq-core/src/broker/redis/prelude.lua")
);
const PUBLISH: &str = include_str!("../../ltq-core/src/broker/redis/publish.lua");
const TURN: &str = include_str!("../../ltq-core/src/broker/redis/turn.lua");

/// How many messages one call carries.
const BATCH: usize = 200;
const WORKER: &str = "ceiling";

/// A plain client.
pub(crate) struct Ceiling {
    client: Client,
    publish: String,
    turn: String,
}

impl Ceiling {
    pub(crate) async fn connect(url: &str) -> Result<Self, BoxError> {
        let client = Client::new(Config::from_url(url)?, None, None, None);
        client.init().await?;
        let publish = load(&client, PUBLISH).await?;
        let turn = load(&client, TURN).await?;
        Ok(Self { client, publish, turn })
    }

    /// One round trip that does nothing.
    pub(crate) async fn ping(&self) -> Result<(), BoxError> {
        self.client.ping::<()>(None).await?;
        Ok(())
    }

    /// Enqueues `payloads`, a batch per call.
    pub(crate) async fn enqueue(&self, payloads: &[Bytes]) -> Result<(), BoxError> {
        let keys = keys(&["ready", "scheduled", "wake", "producer:ceiling"]);
        for (sequence, batch) in (1_i64..).zip(payloads.chunks(BATCH)) {
            let mut args: Vec<Value> = vec![sequence.into(), 3_600.into(), (-1).into(), "now".into()];
            args.extend(batch.iter().cloned().map(Value::Bytes));
            self.client.evalsha::<(), _, _, _>(&self.publish, keys.clone(), args).await?;
        }
        Ok(())
    }

    /// Takes and settles `messages` messages, each in a spawned task that does nothing.
    pub(crate) async fn drain(&self, messages: usize) -> Result<(), BoxError> {
        let active = format!("active:{WORKER}");
        let turn = format!("turn:{WORKER}");
        let keys =
            keys(&["ready", "scheduled", &active, "holders", "deliveries", "dead", "letters", "wake", &turn, "counts"]);
        let (mut taken, mut done) = (0, Vec::new());
        for sequence in 1_i64.. {
            let finished = taken == messages;
            let args: Vec<Value> = vec![
                WORKER.into(),
                sequence.into(),
                8_000.into(),
                i64::try_from(BATCH)?.into(),
                0.into(),
                10_000.into(),
                1_000_000.into(),
                3_600.into(),
                Value::Bytes(std::mem::take(&mut done).into()),
                0.into(),
                0.into(),
                0.into(),
            ];
            let reply: Vec<Value> = self.client.evalsha(&self.turn, keys.clone(), args).await?;
            if finished {
                break;
            }
            let Some(Value::Array(payloads)) = reply.into_iter().nth(6) else {
                return Err("the reply of turn.lua has changed".into());
            };
            taken += payloads.len();
            let mut executions = JoinSet::new();
            for payload in payloads {
                done.extend_from_slice(&payload.as_bytes().unwrap_or_default()[4..20]);
                executions.spawn(async move { drop(payload) });
            }
            while executions.join_next().await.is_some() {}
        }
        Ok(())
    }
}

/// Messages as they would travel.
pub(crate) fn payloads(count: usize) -> Result<Vec<Bytes>, BoxError> {
    let args = encode_args(&std::collections::BTreeMap::from([("padding", padding())]))?;
    Ok((0..count)
        .map(|_| Envelope::new(MessageId::new(), "ltq_bench::tasks::noop", "bench", 0, &args).encode())
        .collect())
}

/// What makes a message about 160 bytes long.
pub(crate) fn padding() -> String {
    "x".repeat(80)
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{{ltq:bench}}:{name}")).collect()
}

async fn load(client: &Client, source: &str) -> Result<String, BoxError> {
    Ok(client.script_load(format!("{PRELUDE}\n{source}")).await?)
}
