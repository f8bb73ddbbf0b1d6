//! [`Cluster`]: three primaries that share the slots, with a replica for each or with none.

use std::fmt::Write as _;

use fred::types::Value;

use crate::bare;
use crate::conformance::eventually;
use crate::redis_server::RedisServer;

/// How many primaries there are.
const PRIMARIES: usize = 3;
const SLOTS: u16 = 16_384;

/// A running cluster. Dropping it stops its servers, by their process ids.
#[derive(Debug)]
pub struct Cluster {
    /// The servers; in the beginning the first three are primaries, and the one three further on is the replica of each, if
    /// there are replicas.
    pub servers: Vec<RedisServer>,
    ids: Vec<String>,
}

impl Cluster {
    /// Starts it and waits until all of its servers agree on who owns what.
    ///
    /// # Panics
    ///
    /// It does not come up.
    pub async fn start() -> Self {
        Self::build(PRIMARIES, &["--cluster-node-timeout", "1000"]).await
    }

    /// As [`start`](Self::start), without replicas: nobody takes over the queues of a primary that is lost. The others give up
    /// on a server after `node_timeout_ms`; `full_coverage` says whether they then serve nothing either.
    ///
    /// # Panics
    ///
    /// It does not come up.
    pub async fn without_replicas(node_timeout_ms: u32, full_coverage: bool) -> Self {
        let coverage = if full_coverage { "yes" } else { "no" };
        let node_timeout = node_timeout_ms.to_string();
        Self::build(0, &["--cluster-node-timeout", &node_timeout, "--cluster-require-full-coverage", coverage]).await
    }

    async fn build(replicas: usize, args: &[&str]) -> Self {
        let server = |_| {
            let options = args.iter().fold(RedisServer::options().cluster(), |options, arg| options.arg(*arg));
            options.arg("--repl-diskless-sync-delay").arg("0").start()
        };
        let mut cluster = Self { servers: (0..PRIMARIES + replicas).map(server).collect(), ids: Vec::new() };
        let first = bare::connect(cluster.servers[0].port()).await;
        for (index, server) in cluster.servers.iter().enumerate() {
            let client = bare::connect(server.port()).await;
            cluster.ids.push(bare::call(&client, "CLUSTER MYID").await.as_string().unwrap());
            bare::call(&client, &format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1)).await;
            if index < PRIMARIES {
                // `ADDSLOTSRANGE` begins at Redis 7.0.
                let mut add = "CLUSTER ADDSLOTS".to_owned();
                for slot in first_slot(index)..first_slot(index + 1) {
                    // Writing into a `String` cannot fail.
                    let _ = write!(add, " {slot}");
                }
                bare::call(&client, &add).await;
            }
            if index > 0 {
                bare::call(&first, &format!("CLUSTER MEET 127.0.0.1 {}", server.port())).await;
            }
        }
        for replica in PRIMARIES..PRIMARIES + replicas {
            let client = bare::connect(cluster.servers[replica].port()).await;
            let id = &cluster.ids[replica - PRIMARIES];
            // It may not have heard of that one yet.
            eventually(async || bare::try_call(&client, &format!("CLUSTER REPLICATE {id}")).await.ok()).await;
        }
        cluster.settled(replicas).await;
        cluster
    }

    /// The address for LTQ: it names one server, which knows the others.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = format!("redis-cluster://127.0.0.1:{}", self.servers[0].port());
        for (index, server) in self.servers[1..PRIMARIES].iter().enumerate() {
            let _ = write!(url, "{}node=127.0.0.1:{}", if index == 0 { '?' } else { '&' }, server.port());
        }
        url
    }

    /// The server that owned the slot of `key` in the beginning, and that slot.
    ///
    /// # Panics
    ///
    /// A server does not answer.
    pub async fn home(&self, key: &str) -> (usize, u16) {
        let client = bare::connect(self.servers[PRIMARIES - 1].port()).await;
        let slot = bare::call(&client, &format!("CLUSTER KEYSLOT {key}")).await.as_i64().unwrap();
        let slot = u16::try_from(slot).unwrap();
        let owner = (0..PRIMARIES).find(|index| slot < first_slot(index + 1)).unwrap();
        (owner, slot)
    }

    /// Waits until every server is up, each replica follows its primary, and all say the same.
    async fn settled(&self, replicas: usize) {
        for (index, server) in self.servers.iter().enumerate() {
            let client = bare::connect(server.port()).await;
            eventually(async || {
                let info = bare::call(&client, "CLUSTER INFO").await.as_string().unwrap();
                let nodes = bare::call(&client, "CLUSTER NODES").await.as_string().unwrap();
                // One that does not know another yet ignores what that says of a third.
                let linked = nodes.lines().filter(|line| line.contains(" connected") && !line.contains("handshake"));
                let known = linked.clone().count() == self.servers.len();
                let followed =
                    linked.filter(|line| line.contains("slave") && !line.contains("fail")).count() == replicas;
                let follows = bare::info(&client, "replication").await.contains("master_link_status:up");
                let up = info.contains("cluster_state:ok") && info.contains("cluster_slots_assigned:16384");
                (up && known && followed && (follows || index < PRIMARIES)).then_some(())
            })
            .await;
        }
    }

    /// Waits until the replica of a primary has taken over and every other server knows.
    ///
    /// # Panics
    ///
    /// That does not happen within a minute.
    pub async fn promoted(&self, lost: usize) {
        let id = &self.ids[lost + PRIMARIES];
        for (_, server) in self.servers.iter().enumerate().filter(|(index, _)| *index != lost) {
            eventually(async || {
                let nodes = bare::ask(server.port(), "CLUSTER NODES").await.ok()?.as_string()?;
                let info = bare::ask(server.port(), "CLUSTER INFO").await.ok()?.as_string()?;
                let line = nodes.lines().find(|line| line.starts_with(id.as_str()))?;
                (line.contains("master") && info.contains("cluster_state:ok")).then_some(())
            })
            .await;
        }
    }

    /// Begins to move a slot from one primary to another.
    ///
    /// # Panics
    ///
    /// A server refuses.
    pub async fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (source, target) =
            (bare::connect(self.servers[from].port()).await, bare::connect(self.servers[to].port()).await);
        bare::call(&target, &format!("CLUSTER SETSLOT {slot} IMPORTING {}", self.ids[from])).await;
        bare::call(&source, &format!("CLUSTER SETSLOT {slot} MIGRATING {}", self.ids[to])).await;
    }

    /// Moves keys of a slot that has begun to move, at most so many. Returns how many there were.
    ///
    /// # Panics
    ///
    /// A server refuses.
    pub async fn move_keys(&self, slot: u16, from: usize, to: usize, most: usize) -> usize {
        let source = bare::connect(self.servers[from].port()).await;
        let keys = bare::call(&source, &format!("CLUSTER GETKEYSINSLOT {slot} {most}")).await;
        let keys: Vec<String> = match keys {
            Value::Array(_) => keys.convert().unwrap(),
            _ => Vec::new(),
        };
        if !keys.is_empty() {
            let port = self.servers[to].port();
            bare::call(&source, &format!("MIGRATE 127.0.0.1 {port}  0 5000 KEYS {}", keys.join(" "))).await;
        }
        keys.len()
    }

    /// Ends the move of a slot.
    ///
    /// # Panics
    ///
    /// A server refuses.
    pub async fn end_move(&self, slot: u16, from: usize, to: usize) {
        for index in [to, from] {
            let client = bare::connect(self.servers[index].port()).await;
            bare::call(&client, &format!("CLUSTER SETSLOT {slot} NODE {}", self.ids[to])).await;
        }
    }
}

fn first_slot(index: usize) -> u16 {
    u16::try_from(usize::from(SLOTS) * index / PRIMARIES).unwrap()
}
