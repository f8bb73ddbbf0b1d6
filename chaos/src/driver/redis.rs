//! [`Redis`]: the server of a run, what is done to it, and what it holds in the end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fred::clients::Client as Bare;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, ServerConfig};
use fred::types::{ClusterHash, CustomCommand, Value};
use ltq_tests::fault_proxy::Rewrites;
use ltq_tests::redis_server::RedisServer;
use tokio::time::{sleep, sleep_until, timeout};

use super::stage::Stage;
use crate::faults::{Fault, Party, Planned};
use crate::history::Key;
use crate::mutations::Mutation;

/// How long the server may take to answer a command of the driver's.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Redis {
    server: Arc<Mutex<RedisServer>>,
    port: u16,
}

impl Redis {
    /// Starts it, with its append-only file in the folder of the run, never rewritten.
    pub(super) async fn start(folder: &Path, fsync: &str) -> Self {
        let data = folder.join("redis");
        std::fs::create_dir_all(&data).expect("a folder for Redis");
        let mut options = RedisServer::options().appendonly();
        let data = data.to_string_lossy().into_owned();
        for arg in ["--dir", &data, "--appendfsync", fsync, "--auto-aof-rewrite-percentage", "0"] {
            options = options.arg(arg);
        }
        let options = options.arg("--aof-timestamp-enabled").arg("yes");
        let server = tokio::task::spawn_blocking(|| options.start()).await.expect("Redis starts");
        Self { port: server.port(), server: Arc::new(Mutex::new(server)) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Makes the planned faults; scripts are forgotten while other faults last, too.
    pub(super) async fn make(&self, stage: &Stage, planned: Vec<Planned>) {
        let (outages, flushes): (Vec<_>, Vec<_>) =
            planned.into_iter().partition(|planned| planned.fault.is_an_outage());
        let outages = async {
            for Planned { at, fault, .. } in outages {
                sleep_until(stage.began + at).await;
                let start = stage.now();
                stage.outage_begins();
                self.fail(fault).await;
                stage.outage_ends();
                stage.made(fault, Party::Redis, None, start);
            }
        };
        let flushes = async {
            for Planned { at, fault, .. } in flushes {
                sleep_until(stage.began + at).await;
                let start = stage.now();
                if self.command("SCRIPT", &["FLUSH"]).await.is_some() {
                    stage.made(fault, Party::Redis, None, start);
                }
            }
        };
        tokio::join!(outages, flushes);
    }

    async fn fail(&self, fault: Fault) {
        match fault {
            Fault::RedisKill { down } => {
                self.blocking(RedisServer::kill).await;
                sleep(down).await;
                self.blocking(RedisServer::restart).await;
            }
            Fault::RedisRestart { down } => {
                self.blocking(RedisServer::stop).await;
                sleep(down).await;
                self.blocking(RedisServer::restart).await;
            }
            Fault::RedisFreeze { time } => {
                self.blocking(|server| server.pause()).await;
                sleep(time).await;
                self.blocking(|server| server.resume()).await;
            }
            fault => unreachable!("{} is no outage", fault.name()),
        }
    }

    pub(super) async fn stop(&self) {
        self.blocking(RedisServer::stop).await;
    }

    /// Loads the scripts of a mutation, and says which one stands for which.
    pub(super) async fn rewrites(&self, mutation: &Mutation) -> Rewrites {
        let mut rewrites = Rewrites::default();
        for (from, to) in mutation.scripts() {
            let (from_hash, to_hash) = (self.load(from).await, self.load(&to).await);
            rewrites.add((&from_hash, from), (&to_hash, &to));
        }
        rewrites
    }

    /// Loads a script; returns its hash.
    async fn load(&self, source: &str) -> String {
        let hash = self.command("SCRIPT", &["LOAD", source]).await.and_then(Value::into_string);
        hash.expect("Redis takes the script")
    }

    /// Every key, its size and whether it expires.
    pub(super) async fn keys(&self) -> Vec<Key> {
        let names: Vec<String> = self.ask("KEYS", &["*"]).await.convert().expect("names");
        let mut keys = Vec::new();
        for name in names {
            let kind = self.ask("TYPE", &[&name]).await.into_string().unwrap_or_default();
            let size = match kind.as_str() {
                "list" => "LLEN",
                "zset" => "ZCARD",
                "hash" => "HLEN",
                "set" => "SCARD",
                _ => "EXISTS",
            };
            let size = self.ask(size, &[&name]).await.as_u64().unwrap_or_default();
            let expires = self.ask("TTL", &[&name]).await.as_i64().is_some_and(|seconds| seconds >= 0);
            keys.push(Key { name, size, expires });
        }
        keys
    }

    async fn ask(&self, name: &'static str, args: &[&str]) -> Value {
        self.command(name, args).await.expect("Redis answers")
    }

    /// What Redis answers on a bare connection; `None` if it does not.
    async fn command(&self, name: &'static str, args: &[&str]) -> Option<Value> {
        let server = ServerConfig::new_centralized("127.0.0.1", self.port);
        let client = Bare::new(Config { server, ..Config::default() }, None, None, None);
        let args: Vec<Value> = args.iter().map(|arg| (*arg).into()).collect();
        let answer = async {
            client.init().await.ok()?;
            client.custom(CustomCommand::new_static(name, ClusterHash::FirstKey, false), args).await.ok()
        };
        let answer = timeout(PATIENCE, answer).await.ok().flatten();
        let _ = client.quit().await;
        answer
    }

    async fn blocking(&self, act: impl FnOnce(&mut RedisServer) + Send + 'static) {
        let server = Arc::clone(&self.server);
        let acting = tokio::task::spawn_blocking(move || {
            act(&mut server.lock().unwrap_or_else(PoisonError::into_inner));
        });
        acting.await.expect("Redis can be started and stopped");
    }
}
