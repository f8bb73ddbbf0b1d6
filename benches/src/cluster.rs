//! [`Cluster`]: three primaries that share the slots, without replicas.
//!
//! The tests have a cluster too, which fails over and moves slots; this one only measures, and depends on none of the
//! features that tests switch on.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use fred::types::{ClusterHash, CustomCommand, Value};
use ltq::BoxError;

use crate::messages::{key, queue};
use crate::server::Server;

pub(crate) const SHARDS: usize = 3;
const SLOTS: usize = 16_384;
/// How long the servers may take to agree.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A running cluster. Dropping it stops its servers.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) shards: Vec<Server>,
}

impl Cluster {
    /// Starts it and waits until every server knows who owns what.
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let shards = (0..SHARDS).map(|_| Server::start_for_cluster()).collect::<Result<Vec<_>, _>>()?;
        let cluster = Self { shards };
        let clients = cluster.clients().await?;
        for (shard, client) in clients.iter().enumerate() {
            let (first, last) = (first_slot(shard), first_slot(shard + 1) - 1);
            call(client, &format!("CLUSTER SET-CONFIG-EPOCH {}", shard + 1)).await?;
            call(client, &format!("CLUSTER ADDSLOTSRANGE {first} {last}")).await?;
            if shard > 0 {
                let bus: Vec<String> = call(client, "CONFIG GET cluster-port").await?.convert()?;
                let bus = bus.last().ok_or("the server has no port for its cluster")?;
                let port = cluster.shards[shard].port();
                call(&clients[0], &format!("CLUSTER MEET 127.0.0.1 {port} {bus}")).await?;
            }
        }
        let until = Instant::now() + PATIENCE;
        for client in &clients {
            while !is_whole(client).await? {
                if Instant::now() > until {
                    return Err(format!("the servers of a cluster do not agree after {PATIENCE:?}").into());
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        Ok(cluster)
    }

    /// The address for LTQ.
    pub(crate) fn url(&self) -> String {
        let mut url = String::new();
        for (shard, server) in self.shards.iter().enumerate() {
            let before = ["redis-cluster://", "?node=", "&node="][shard.min(2)];
            // Writing into a `String` cannot fail.
            let _ = write!(url, "{before}127.0.0.1:{}", server.port());
        }
        url
    }

    /// A bare client of each server.
    pub(crate) async fn clients(&self) -> Result<Vec<Client>, BoxError> {
        let mut clients = Vec::new();
        for server in &self.shards {
            clients.push(server.client().await?);
        }
        Ok(clients)
    }
}

/// A queue on each shard, in the order of the shards. The queue of the measured tasks is one of them.
pub(crate) fn a_queue_on_each() -> Vec<String> {
    let on = |shard| (0..).map(queue).find(|queue| shard_of(queue) == shard);
    (0..SHARDS).filter_map(on).collect()
}

/// Where a queue lives.
fn shard_of(queue: &str) -> usize {
    let slot = usize::from(fred::util::redis_keyslot(key(queue, "ready").as_bytes()));
    (0..SHARDS).rfind(|shard| first_slot(*shard) <= slot).unwrap_or(0)
}

fn first_slot(shard: usize) -> usize {
    SLOTS * shard / SHARDS
}

async fn is_whole(client: &Client) -> Result<bool, BoxError> {
    let info = call(client, "CLUSTER INFO").await?.into_string().unwrap_or_default();
    Ok(info.contains("cluster_state:ok") && info.contains(&format!("cluster_size:{SHARDS}")))
}

/// A command as one would type it.
async fn call(client: &Client, command: &str) -> Result<Value, BoxError> {
    let mut words = command.split(' ').map(str::to_owned);
    let name = words.next().unwrap_or_default();
    Ok(client.custom(CustomCommand::new(name, ClusterHash::FirstKey, false), words.collect()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_shared_without_gap() {
        assert_eq!((0..=SHARDS).map(first_slot).collect::<Vec<_>>(), [0, 5_461, 10_922, 16_384]);
    }

    #[test]
    fn each_shard_has_a_queue_and_one_is_that_of_the_tasks() {
        let queues = a_queue_on_each();
        assert_eq!(queues.iter().map(|queue| shard_of(queue)).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(queues.contains(&queue(0)));
    }
}
