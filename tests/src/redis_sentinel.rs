//! [`Sentinels`]: a primary, its replica, and three sentinels that promote the replica when the primary is lost.

use std::io::BufReader;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::bare;
use crate::conformance::eventually;
use crate::redis_server::{RedisServer, free_port, program, wait_ready};

/// What the sentinels call the primary.
pub const SERVICE: &str = "main";
/// How many sentinels there are; two have to agree.
const COUNT: usize = 3;

/// Running servers. Dropping them stops them, by their process ids.
#[derive(Debug)]
pub struct Sentinels {
    /// Two servers; the first one is the primary in the beginning.
    pub servers: [RedisServer; 2],
    sentinels: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    port: u16,
    child: Child,
    _dir: TempDir,
}

impl Sentinels {
    /// Starts all, and waits until the sentinels know each other and the replica.
    ///
    /// # Panics
    ///
    /// Something does not come up.
    pub async fn start() -> Self {
        let server = || RedisServer::options().arg("--repl-diskless-sync-delay").arg("0");
        let primary = server().start();
        let replica = server().arg("--replicaof").arg("127.0.0.1").arg(primary.port().to_string()).start();
        // Known from the first look on, a replica need not be looked for: sentinels look every ten seconds.
        eventually(async || info_says(replica.port(), "replication", "master_link_status:up").await).await;
        let sentinels: Vec<_> = (0..COUNT).map(|_| Sentinel::start(primary.port())).collect();
        let all_known = format!("status=ok,address=127.0.0.1:{},slaves=1,sentinels={COUNT}", primary.port());
        for sentinel in &sentinels {
            eventually(async || info_says(sentinel.port, "sentinel", &all_known).await).await;
        }
        Self { servers: [primary, replica], sentinels }
    }

    /// The address for LTQ.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={SERVICE}", self.sentinels[0].port);
        for sentinel in &self.sentinels[1..] {
            url.push_str(&format!("&node=127.0.0.1:{}", sentinel.port));
        }
        url
    }

    /// Waits until the second server is the primary, and every sentinel says so.
    ///
    /// # Panics
    ///
    /// That does not happen within a minute.
    pub async fn promoted(&self) {
        let port = self.servers[1].port();
        eventually(async || info_says(port, "replication", "role:master").await).await;
        for sentinel in &self.sentinels {
            eventually(async || info_says(sentinel.port, "sentinel", &format!("address=127.0.0.1:{port},")).await)
                .await;
        }
    }
}

/// Whether there is such a text in what a server tells about itself. A promotion ends the connections of all clients.
async fn info_says(port: u16, section: &str, text: &str) -> Option<()> {
    let info = bare::ask(port, &format!("INFO {section}")).await.ok()?;
    info.as_string()?.contains(text).then_some(())
}

impl Sentinel {
    fn start(primary: u16) -> Self {
        let dir = TempDir::with_prefix("ltq-sentinel-").unwrap();
        let port = free_port();
        let config = dir.path().join("sentinel.conf");
        std::fs::write(
            &config,
            format!(
                "port {port}\nbind 127.0.0.1\ndir {}\n\
                 sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\n\
                 sentinel down-after-milliseconds {SERVICE} 1000\n\
                 sentinel failover-timeout {SERVICE} 5000\n",
                dir.path().display()
            ),
        )
        .unwrap();
        let mut command = Command::new(program());
        command.arg(config).arg("--sentinel").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{} --sentinel did not run: {error}", program().display()));
        let log = child.stdout.take().unwrap();
        if let Err(log) = wait_ready(BufReader::new(log), "+monitor") {
            let _ = child.kill();
            panic!("the sentinel did not start:\n{log}");
        }
        Self { port, child, _dir: dir }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
