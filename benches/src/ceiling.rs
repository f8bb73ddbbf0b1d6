//! LTQ's scripts, called by a bare client: no codec, no tasks, no middleware, no bookkeeping. All that is known here about
//! what the scripts are given and return is in this file; `role` and `workload` make loops of it.

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ListInterface as _, LuaInterface as _};
use fred::types::Value;
use ltq::BoxError;
use ltq_core::broker::redis::RedisBroker;

use crate::messages::key;
use crate::server::connect;

/// How many messages one call carries, unless a measurement is about another number.
pub(crate) const BATCH: usize = 200;
/// As how many messages at least they are taken as a batch.
const BATCH_FROM: usize = 32;
/// Where an envelope has its id.
const ID: std::ops::Range<usize> = 4..20;
const WORKER: &str = "ceiling";
const LEASE_MS: i64 = 60_000;
const REMEMBERED_SECONDS: i64 = 3_600;

/// A bare client that knows the scripts.
#[derive(Clone)]
pub(crate) struct Scripts {
    client: Client,
    publish: String,
    turn: String,
}

/// One queue, and the numbers of the calls made for it. There must be one caller of a name and queue on a server: the
/// scripts take the calls of a second one for repeats.
pub(crate) struct Caller {
    scripts: Scripts,
    publish_keys: Vec<String>,
    turn_keys: Vec<String>,
    batches: Vec<String>,
    published: i64,
    turns: i64,
}

/// What a turn took. The place of a message is the turn and its index.
pub(crate) struct Taken {
    pub(crate) turn: i64,
    pub(crate) payloads: Vec<Bytes>,
}

/// What a turn settles.
#[derive(Default)]
pub(crate) struct Settled {
    done: Vec<u8>,
    /// Places and payloads.
    retries: Vec<(Bytes, Bytes)>,
}

impl Settled {
    /// Messages that are done, of what one turn took.
    pub(crate) fn done(&mut self, turn: i64, indices: impl IntoIterator<Item = usize>) {
        let mut mask = Vec::new();
        for index in indices {
            mask.resize(mask.len().max(index / 8 + 1), 0);
            mask[index / 8] |= 1 << (index % 8);
        }
        if !mask.is_empty() {
            self.done.extend_from_slice(&turn.to_be_bytes()[2..]);
            self.done.push(u8::try_from(mask.len()).unwrap_or(u8::MAX));
            self.done.extend_from_slice(&mask);
        }
    }

    /// A message that is to be tried again at once.
    pub(crate) fn retry(&mut self, turn: i64, index: usize, payload: Bytes) {
        let mut place = turn.to_be_bytes()[2..].to_vec();
        place.extend_from_slice(&index.to_be_bytes()[6..]);
        self.retries.push((place.into(), payload));
    }
}

impl Scripts {
    pub(crate) async fn connect(url: &str) -> Result<Self, BoxError> {
        let client = connect(url).await?;
        let publish = client.script_load(script("publish")?).await?;
        let turn = client.script_load(script("turn")?).await?;
        Ok(Self { client, publish, turn })
    }

    /// `producer` is a name nobody else sends by.
    pub(crate) fn caller(&self, queue: &str, producer: &str) -> Caller {
        let active = format!("active:{WORKER}");
        let turn = format!("turn:{WORKER}");
        let keys = |names: &[&str]| names.iter().map(|name| key(queue, name)).collect::<Vec<_>>();
        let batches: Vec<_> = (0..4).map(|slot| key(queue, &format!("block:{WORKER}:{slot}"))).collect();
        let mut turn_keys = keys(&[
            "ready",
            "scheduled",
            &active,
            "holders",
            "notes",
            "dead",
            "letters",
            "wake",
            &turn,
            "counts",
            &format!("blocks:{WORKER}"),
        ]);
        turn_keys.extend(batches.iter().cloned());
        Caller {
            scripts: self.clone(),
            publish_keys: keys(&["ready", "scheduled", "wake", &format!("producer:{producer}")]),
            turn_keys,
            batches,
            published: 0,
            turns: 0,
        }
    }
}

impl Caller {
    /// Puts a batch on the queue.
    pub(crate) async fn publish(&mut self, payloads: &[Bytes]) -> Result<(), BoxError> {
        self.published += 1;
        let mut args: Vec<Value> = Vec::with_capacity(4 + payloads.len());
        args.extend([self.published.into(), REMEMBERED_SECONDS.into(), (-1).into(), "now".into()]);
        args.extend(payloads.iter().cloned().map(Value::Bytes));
        let scripts = &self.scripts;
        let stored: i64 = scripts.client.evalsha(&scripts.publish, self.publish_keys.clone(), args).await?;
        if stored == 1 { Ok(()) } else { Err("publish.lua has stored nothing: is there another caller?".into()) }
    }

    /// Settles what is done and takes up to `want` messages.
    pub(crate) async fn turn(&mut self, want: usize, settled: Settled) -> Result<Taken, BoxError> {
        self.turns += 1;
        let batch_from = if want >= BATCH_FROM { i64::try_from(BATCH_FROM)? } else { 0 };
        let mut args: Vec<Value> = vec![
            WORKER.into(),
            self.turns.into(),
            LEASE_MS.into(),
            i64::try_from(want)?.into(),
            0.into(),
            10_000.into(),
            1_000_000.into(),
            REMEMBERED_SECONDS.into(),
            batch_from.into(),
            Value::Bytes(settled.done.into()),
            0.into(),
            i64::try_from(settled.retries.len())?.into(),
            0.into(),
            0.into(),
        ];
        for (place, payload) in settled.retries {
            args.extend([Value::Bytes(place), 0.into(), Value::Bytes(payload)]);
        }
        let scripts = &self.scripts;
        let script = scripts.client.evalsha::<Vec<Value>, _, _, _>(&scripts.turn, self.turn_keys.clone(), args);
        let batch = self.batches.get(usize::try_from(self.turns % 4)?).ok_or("four batches")?;
        let (reply, batch) = if batch_from > 0 {
            let (reply, batch) = tokio::join!(biased; script, scripts.client.lrange::<Vec<Bytes>, _>(batch, 0, -1));
            (reply?, batch?)
        } else {
            (script.await?, Vec::new())
        };
        // A turn that was not made would be the fastest of all.
        let made = reply.first().and_then(Value::as_i64) == Some(0);
        let batched = reply.get(9).and_then(Value::as_i64).unwrap_or(0);
        let payloads: Vec<Bytes> = match reply.into_iter().nth(6) {
            Some(Value::Array(payloads)) if made => payloads.into_iter().filter_map(Value::into_bytes).collect(),
            Some(Value::Array(_)) => return Err("turn.lua has refused a turn: is there another caller?".into()),
            _ => return Err("the reply of turn.lua has changed: bring benches/src/ceiling.rs up to date".into()),
        };
        let payloads = if batched > 0 { batch.into_iter().skip(1).collect() } else { payloads };
        if batched > 0 && i64::try_from(payloads.len())? != batched {
            return Err("the list of a batch has changed: bring benches/src/ceiling.rs up to date".into());
        }
        Ok(Taken { turn: self.turns, payloads })
    }
}

/// The id in an envelope.
pub(crate) fn id_of(payload: &Bytes) -> Result<&[u8], BoxError> {
    Ok(payload.get(ID).ok_or("a payload without an id")?)
}

/// Whether LTQ's scripts call this command. Redis counts calls from inside a script like any other; what no script calls
/// has come from a client.
pub(crate) fn is_called_by_scripts(command: &str) -> bool {
    let call = format!("redis.call('{}'", command.to_uppercase());
    let scripts = RedisBroker::scripts_text().into_iter();
    let mut of_messages = scripts.filter(|(name, _)| ["publish", "turn", "renew", "recover"].contains(name));
    of_messages.any(|(_, script)| script.contains(&call))
}

/// The text of a script, as the library runs it.
fn script(name: &str) -> Result<&'static str, BoxError> {
    let found = RedisBroker::scripts_text().into_iter().find(|(script, _)| *script == name);
    found.map(|(_, text)| text).ok_or_else(|| format!("there is no script `{name}` any more").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_scripts_are_told_from_those_of_clients() {
        assert!(is_called_by_scripts("ltrim") && is_called_by_scripts("hset"));
        assert!(!is_called_by_scripts("evalsha") && !is_called_by_scripts("blpop"));
    }
}
