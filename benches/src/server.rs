//! [`Server`]: a `redis-server` for one measurement, on a free port of the loopback interface, without persistence.
//!
//! Everything that is measured talks to it over TCP, as users' programs do.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use fred::prelude::Config;
use ltq::BoxError;
use tempfile::TempDir;

/// How often another port is tried when somebody else was quicker.
const ATTEMPTS: usize = 5;

/// A running server. Dropping it stops it, by its process id.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Result<Self, BoxError> {
        Self::start_with(|| Ok(Vec::new()))
    }

    /// A server that can become part of a cluster.
    pub(crate) fn start_for_cluster() -> Result<Self, BoxError> {
        let words = ["--cluster-enabled", "yes", "--cluster-node-timeout", "5000", "--cluster-port"];
        Self::start_with(|| {
            let words = words.iter().map(ToString::to_string);
            Ok(words.chain([free_port()?.to_string()]).collect())
        })
    }

    fn start_with(more: impl Fn() -> Result<Vec<String>, BoxError>) -> Result<Self, BoxError> {
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            let folder = TempDir::with_prefix("ltq-bench-")?;
            let port = free_port()?;
            let mut child = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
                .arg("--dir")
                .arg(folder.path())
                .args(more()?)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .map_err(|error| format!("`redis-server` could not be started ({error}); is it on the PATH?"))?;
            let stdout = child.stdout.take();
            let mut server = Self { child, port, _folder: folder };
            let mut lines = BufReader::new(stdout.ok_or("the log of redis-server is not piped")?).lines();
            for line in lines.by_ref().map_while(Result::ok) {
                if line.contains("Ready to accept connections") {
                    // Read on, so that the server never blocks on a full pipe.
                    std::thread::spawn(move || lines.for_each(drop));
                    return Ok(server);
                }
                log.push_str(&line);
                log.push('\n');
            }
            server.child.wait()?;
        }
        Err(format!("redis-server did not start:\n{log}").into())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A bare client of it.
    pub(crate) async fn client(&self) -> Result<Client, BoxError> {
        connect(&self.url()).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killed, not asked: there is nothing to save. It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16, BoxError> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A bare client with the library's defaults.
pub(crate) async fn connect(url: &str) -> Result<Client, BoxError> {
    let client = Client::new(Config::from_url(url)?, None, None, None);
    client.init().await?;
    Ok(client)
}
