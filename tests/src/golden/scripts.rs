//! [`OldScripts`]: a producer and a worker that call the first scripts, with keys and arguments written by hand.

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::LuaInterface;
use fred::types::Value;

const PRELUDE: &str = include_str!("../../fixtures/scripts_v1/prelude.lua");

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
        let args: Vec<Value> = vec![number.into(), 3_600_i64.into(), "now".into(), Value::Bytes(payload)];
        let stored = self
            .run(
                include_str!("../../fixtures/scripts_v1/publish.lua"),
                &["ready", "scheduled", "wake", &producer],
                args,
            )
            .await;
        assert_eq!(stored.as_i64(), Some(1));
    }

    /// One turn: ends `done` well, puts `retries` (id, payload) back at once, takes up to `want`. The payloads taken, or
    /// `None` where the worker was lost.
    pub async fn turn(
        &mut self,
        lease_ms: i64,
        done: &[[u8; 16]],
        retries: &[([u8; 16], Bytes)],
        want: i64,
    ) -> Option<Vec<Bytes>> {
        self.sequence += 1;
        let (active, turn) = (format!("active:{}", self.name), format!("turn:{}", self.name));
        let keys = ["ready", "scheduled", &active, "holders", "deliveries", "dead", "letters", "wake", &turn, "counts"];
        let mut args: Vec<Value> = vec![self.name.as_str().into(), self.sequence.into(), lease_ms.into(), want.into()];
        args.extend([0, 10_000, 2_592_000_000, 3_600].map(|number: i64| Value::from(number)));
        args.push(Value::Bytes(done.concat().into()));
        args.extend([i64::try_from(retries.len()).unwrap(), 0, 0].map(Value::from));
        for (id, payload) in retries {
            args.extend([Value::Bytes(Bytes::copy_from_slice(id)), 0.into(), Value::Bytes(payload.clone())]);
        }
        let reply = self.run(include_str!("../../fixtures/scripts_v1/turn.lua"), &keys, args).await.into_array();
        assert_eq!(reply.len(), 8);
        if reply[0].as_i64() == Some(1) {
            return None;
        }
        assert_eq!((reply[0].as_i64(), reply[4].as_i64()), (Some(0), Some(0)), "status and refused");
        Some(reply[6].clone().into_array().into_iter().map(|payload| payload.into_bytes().unwrap()).collect())
    }

    /// Renews the lease: whether it is held, and whose leases ran out.
    pub async fn renew(&self, lease_ms: i64) -> (bool, Vec<String>) {
        let args: Vec<Value> = vec![self.name.as_str().into(), lease_ms.into(), 10_i64.into()];
        let reply =
            self.run(include_str!("../../fixtures/scripts_v1/renew.lua"), &["holders"], args).await.into_array();
        let expired = reply[2].clone().into_array();
        (reply[0].as_i64() == Some(1), expired.into_iter().map(|name| name.into_string().unwrap()).collect())
    }

    /// Recovers another worker: how many messages came back.
    pub async fn recover(&self, worker: &str) -> i64 {
        let (active, turn) = (format!("active:{worker}"), format!("turn:{worker}"));
        let keys = ["ready", &active, "holders", "deliveries", "wake", &turn, "counts"];
        let args: Vec<Value> = vec![worker.into(), "expired".into(), 500_i64.into()];
        let reply = self.run(include_str!("../../fixtures/scripts_v1/recover.lua"), &keys, args).await;
        reply.into_array()[0].as_i64().unwrap()
    }

    async fn run(&self, script: &str, keys: &[&str], args: Vec<Value>) -> Value {
        let keys: Vec<String> = keys.iter().map(|key| format!("{{ltq:{}}}:{key}", self.queue)).collect();
        self.client.eval(format!("{PRELUDE}\n{script}"), keys, args).await.unwrap()
    }
}
