//! [`OldScripts`]: a producer and a worker that call the first scripts, with keys and arguments written by hand.

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ListInterface, LuaInterface};
use fred::types::Value;

/// Where a worker holds a message: the turn that took it in 6 bytes, and its index among those in 2.
pub type OldPlace = [u8; 8];

/// One queue as a program sees it that was built with the first scripts.
#[derive(Debug)]
pub struct OldScripts {
    client: Client,
    queue: String,
    name: String,
    sequence: i64,
}

impl OldScripts {
    /// The producer and worker `name`.
    #[must_use]
    pub fn new(client: Client, queue: &str, name: &str) -> Self {
        Self { client, queue: queue.to_owned(), name: name.to_owned(), sequence: 0 }
    }

    /// Publishes one message that is ready at once.
    pub async fn publish(&self, number: i64, payload: Bytes) {
        let producer = format!("producer:{}", self.name);
        let args = vec![number.into(), 3_600.into(), (-1).into(), "now".into(), Value::Bytes(payload)];
        let stored = self
            .run(
                include_str!("../../fixtures/scripts_v1/publish.lua"),
                &["ready", "scheduled", "wake", &producer],
                args,
            )
            .await;
        assert_eq!(stored.as_i64(), Some(1));
    }

    /// One turn: ends `done` well, puts `retries` (place, payload) back at once, takes up to `want`, two or more as a block.
    /// What it took, each with its place, or `None` where the worker was lost.
    pub async fn turn(
        &mut self,
        lease_ms: i64,
        done: &[OldPlace],
        retries: &[(OldPlace, Bytes)],
        want: i64,
    ) -> Option<Vec<(OldPlace, Bytes)>> {
        self.sequence += 1;
        let (active, turn, blocks) =
            (format!("active:{}", self.name), format!("turn:{}", self.name), format!("blocks:{}", self.name));
        let lists = [0, 1, 2, 3].map(|slot| format!("block:{}:{slot}", self.name));
        let mut keys: Vec<&str> = vec![
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
            &blocks,
        ];
        keys.extend(lists.iter().map(String::as_str));
        let mut args: Vec<Value> = vec![self.name.as_str().into(), self.sequence.into(), lease_ms.into(), want.into()];
        args.extend([0, 10_000, 2_592_000_000, 3_600, 2].map(|number: i64| Value::from(number)));
        // A mask of one byte for each place; the places of these tests are below 8.
        let masks = done.iter().flat_map(|[turn @ .., _, index]| [turn.as_slice(), &[1, 1 << index]].concat());
        args.push(Value::Bytes(masks.collect::<Vec<u8>>().into()));
        // None of these was recovered before, so none has an effect.
        args.push(0.into());
        args.extend([i64::try_from(retries.len()).unwrap(), 0, 0].map(Value::from));
        for (place, payload) in retries {
            args.extend([Value::Bytes(Bytes::copy_from_slice(place)), 0.into(), Value::Bytes(payload.clone())]);
        }
        let reply = self.run(include_str!("../../fixtures/scripts_v1/turn.lua"), &keys, args).await.into_array();
        assert_eq!(reply.len(), 12);
        if reply[0].as_i64() == Some(1) {
            return None;
        }
        assert_eq!((reply[0].as_i64(), reply[4].as_i64()), (Some(0), Some(0)), "status and refused");
        let payloads: Vec<Bytes> = if reply[9].as_i64() == Some(0) {
            reply[6].clone().into_array().into_iter().map(|payload| payload.into_bytes().unwrap()).collect()
        } else {
            let list = &lists[usize::try_from(self.sequence % 4).unwrap()];
            let mut list: Vec<Bytes> = self.client.lrange(self.key(list), 0, -1).await.unwrap();
            assert_eq!(list.remove(0), reply[10].clone().into_bytes().unwrap());
            list
        };
        let [_, _, turn @ ..] = self.sequence.to_be_bytes();
        let place = |index: u8| <OldPlace>::try_from([turn.as_slice(), &[0, index]].concat()).unwrap();
        Some((0..).map(place).zip(payloads).collect())
    }

    /// Renews the lease: whether it is held, and whose leases ran out.
    pub async fn renew(&self, lease_ms: i64) -> (bool, Vec<String>) {
        // It tells nothing of its process.
        let (record, nothing) = (format!("worker:{}", self.name), || Value::from(""));
        let args = vec![self.name.as_str().into(), lease_ms.into(), 10_i64.into(), nothing(), nothing()];
        let reply = self.run(include_str!("../../fixtures/scripts_v1/renew.lua"), &["holders", &record], args).await;
        let reply = reply.into_array();
        let expired = reply[2].clone().into_array();
        (reply[0].as_i64() == Some(1), expired.into_iter().map(|name| name.into_string().unwrap()).collect())
    }

    /// Recovers another worker: how many messages came back.
    pub async fn recover(&self, worker: &str) -> i64 {
        let (active, turn) = (format!("active:{worker}"), format!("turn:{worker}"));
        let (blocks, record) = (format!("blocks:{worker}"), format!("worker:{worker}"));
        let lists = [0, 1, 2, 3].map(|slot| format!("block:{worker}:{slot}"));
        let mut keys: Vec<&str> = vec!["ready", &active, "holders", "notes", "wake", &turn, "counts", &blocks, &record];
        keys.extend(lists.iter().map(String::as_str));
        let args: Vec<Value> = vec![worker.into(), "expired".into(), 500_i64.into()];
        let reply = self.run(include_str!("../../fixtures/scripts_v1/recover.lua"), &keys, args).await;
        reply.into_array()[0].as_i64().unwrap()
    }

    fn key(&self, name: &str) -> String {
        format!("{{ltq:{}}}:{name}", self.queue)
    }

    async fn run(&self, script: &str, keys: &[&str], args: Vec<Value>) -> Value {
        let keys: Vec<String> = keys.iter().map(|key| self.key(key)).collect();
        self.client.eval(script.to_owned(), keys, args).await.unwrap()
    }
}
