//! [`Connection`]: the way to one server, or to the primaries of a cluster, as calls use it.
//!
//! A call has a bound, so that nobody waits for ever, and finds a connection that works by itself: `node.rs` for one server,
//! `cluster.rs` for several. Nobody outside has to know which it is, nor to mend anything.
//!
//! Next: `script.rs` and `command.rs` say what to ask.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fred::types::Value as Answer;

use super::cluster::Cluster;
use super::error::Peer;
use super::node::Node;
use super::request::Request;
use super::settings::Settings;
use crate::broker::BrokerError;

/// A connection. Dropping it closes it.
pub(crate) struct Connection {
    servers: Servers,
    peer: Peer,
    /// How often a server did not know a script: it was restarted, failed over or flushed.
    forgotten: AtomicU64,
    #[cfg(feature = "testing")]
    test_clock: Option<super::test_clock::TestClock>,
}

/// Who is at the other end.
enum Servers {
    One(Box<Node>),
    Cluster(Box<Cluster>),
}

impl Connection {
    /// Connects; the tasks that drive the connection run on the current runtime.
    ///
    /// `call_timeout` bounds each call; zero means that the caller bounds it.
    pub(crate) async fn open(settings: &Settings, call_timeout: Duration) -> Result<Self, BrokerError> {
        let servers = if settings.is_cluster() {
            Servers::Cluster(Box::new(Cluster::open(settings, call_timeout).await?))
        } else {
            let mut node = Node::start(settings, None, call_timeout);
            node.connected(settings).await?;
            Servers::One(Box::new(node))
        };
        Ok(Self {
            servers,
            peer: settings.peer(None),
            forgotten: AtomicU64::new(0),
            #[cfg(feature = "testing")]
            test_clock: settings.test_clock().cloned(),
        })
    }

    /// Where the server is, without a password.
    pub(crate) fn address(&self) -> &str {
        &self.peer.address
    }

    /// The server's version, major and minor; `None` where it hides it.
    pub(crate) fn version(&self) -> Option<(u64, u64)> {
        match &self.servers {
            Servers::One(node) => node.version(),
            Servers::Cluster(cluster) => cluster.version(),
        }
    }

    /// Where it is counted that a server did not know a script.
    pub(super) fn forgotten(&self) -> &AtomicU64 {
        &self.forgotten
    }

    /// How often a server was found to have forgotten its scripts, and perhaps more.
    pub(crate) fn times_forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// The clock of a test, in place of the server's.
    #[cfg(feature = "testing")]
    pub(crate) fn test_clock(&self) -> Option<&super::test_clock::TestClock> {
        self.test_clock.as_ref()
    }

    /// Makes a request, which has to be safe to make twice.
    pub(super) async fn call(&self, request: &impl Request) -> Result<Answer, BrokerError> {
        match &self.servers {
            Servers::One(node) => node.call(request).await,
            Servers::Cluster(cluster) => cluster.call(request).await,
        }
    }

    /// Makes a request once and waits for as long as the caller does. `None` where its keys are on their way to another server
    /// of the cluster: look for them again.
    pub(super) async fn call_once(&self, request: &impl Request) -> Result<Option<Answer>, BrokerError> {
        match &self.servers {
            Servers::One(node) => node.call_once(request).await.map(Some),
            Servers::Cluster(cluster) => cluster.call_once(request).await,
        }
    }

    /// A request made once was given up, because its server should have answered long ago.
    pub(super) async fn silent(&self, request: &impl Request) {
        match &self.servers {
            Servers::One(node) => node.silent(),
            Servers::Cluster(cluster) => cluster.silent(request.slot()).await,
        }
    }

    /// An answer nobody should ever see.
    pub(crate) fn odd_answer(&self, call: &'static str, reason: &str) -> BrokerError {
        BrokerError::Protocol { address: self.peer.address.clone(), call, reason: reason.to_owned() }
    }

    /// Says goodbye and closes.
    pub(crate) async fn close(&self) {
        match &self.servers {
            Servers::One(node) => node.close().await,
            Servers::Cluster(cluster) => cluster.close().await,
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.peer.address)
    }
}
