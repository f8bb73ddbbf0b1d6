//! [`Settings`]: an address and the options become settings of the Redis client, each with its reason.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use fred::clients::Client;
use fred::socket2::TcpKeepalive;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectError, ReconnectPolicy, Server, ServerConfig, TcpConfig,
    UnresponsiveConfig,
};

use super::address;
use super::error::Peer;
use super::topology::Topology;
use crate::broker::{BrokerError, ConnectOptions, redact_url};

/// A silent peer is given up after about this long, whether something is in flight or not.
const SILENCE: Duration = Duration::from_secs(10);
/// The same where another server may take over: it may be ready long before the old one is known to be gone.
const SILENCE_WITH_SUCCESSOR: Duration = Duration::from_secs(2);
/// How long one server may take to accept a connection where there are others to ask.
const ATTEMPT_WITH_SUCCESSOR: Duration = Duration::from_millis(1_500);
/// How often a call is sent again after a connection broke under it; the call timeout ends it earlier in practice.
const SEND_ATTEMPTS: u32 = 20;
/// How many calls may wait for a connection. More than all workers of a process ever have in flight.
const WAITING_CALLS: usize = 10_000;

/// Everything that is needed to open one more connection.
#[derive(Clone)]
pub(crate) struct Settings {
    peer: Peer,
    config: Config,
    options: ConnectOptions,
    #[cfg(feature = "testing")]
    test_clock: Option<super::test_clock::TestClock>,
    /// How often a connection made with these settings found its server silent, where there is one.
    silences: Arc<AtomicU64>,
    /// What is known of the cluster, where it is one.
    topology: Arc<Topology>,
}

impl Settings {
    /// Checks an address. `grants` is what a user of the server has to be granted, for the error about one that lacks some.
    pub(crate) fn new(url: &str, options: &ConnectOptions, grants: String) -> Result<Self, BrokerError> {
        Ok(Self {
            peer: Peer { address: redact_url(url), grants: grants.into() },
            config: address::config(url)?,
            options: options.clone(),
            silences: Arc::default(),
            topology: Arc::default(),
            #[cfg(feature = "testing")]
            test_clock: None,
        })
    }

    /// Takes a clock of a test in place of the server's.
    #[cfg(feature = "testing")]
    pub(crate) fn with_test_clock(mut self, now_ms: u64) -> Self {
        self.test_clock = Some(super::test_clock::TestClock::new(now_ms));
        self
    }

    #[cfg(feature = "testing")]
    pub(crate) fn test_clock(&self) -> Option<&super::test_clock::TestClock> {
        self.test_clock.as_ref()
    }

    /// Where the server is, without a password.
    pub(crate) fn address(&self) -> &str {
        &self.peer.address
    }

    /// Whom errors are about: the address, and which `server` of the cluster.
    pub(super) fn peer(&self, server: Option<&Server>) -> Peer {
        let mut peer = self.peer.clone();
        if let Some(Server { host, port, .. }) = server {
            peer.address = format!("{} (its server {host}:{port})", peer.address);
        }
        peer
    }

    /// The servers that the address names.
    pub(super) fn servers(&self) -> Vec<Server> {
        self.config.server.hosts()
    }

    /// What is known of the cluster.
    pub(super) fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Whether keys are spread over several servers.
    pub(crate) fn is_cluster(&self) -> bool {
        self.config.server.is_clustered()
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.peer.address.starts_with("rediss")
    }

    /// Whether another server takes over when one is lost.
    pub(crate) fn has_successor(&self) -> bool {
        self.config.server.is_clustered() || self.config.server.is_sentinel()
    }

    pub(crate) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.options.connect_timeout
    }

    /// How long a call may go unanswered before its connection is taken for dead.
    pub(crate) fn silence(&self, call_timeout: Duration) -> Duration {
        let most = if self.has_successor() { SILENCE_WITH_SUCCESSOR } else { SILENCE };
        if call_timeout.is_zero() { most } else { (call_timeout / 2).min(most) }
    }

    /// Counts the silences of a server, so that a connection learns from the others that it may be gone.
    pub(super) fn silences(&self, server: Option<&Server>) -> Arc<AtomicU64> {
        server.map_or_else(|| Arc::clone(&self.silences), |server| self.topology.silences(server))
    }

    /// A client that is not connected yet, of the address or of one `server` of the cluster; a `call_timeout` of zero sets no
    /// bound.
    pub(super) fn client(&self, server: Option<&Server>, call_timeout: Duration) -> Client {
        let mut config = self.config.clone();
        if let Some(server) = server {
            config.server = ServerConfig::Centralized { server: server.clone() };
            // It may be known to be away.
            config.fail_fast = false;
        }
        let performance = PerformanceConfig { default_command_timeout: call_timeout, ..PerformanceConfig::default() };
        // Quick at first, because most interruptions are short; never slower than once a second, because recovery has to be
        // quick when the server is back; for ever, because a worker never gives up.
        let mut policy = ReconnectPolicy::new_exponential(0, 20, 1_000, 2);
        policy.set_jitter(20);
        Client::new(config, Some(performance), Some(self.connection(call_timeout)), Some(policy))
    }

    /// Answers after which the client connects anew and sends the call again: states that pass by themselves, or with a
    /// connection to the new primary. Behind a single address nothing says that there is another primary, so there the
    /// caller learns at once that the server takes no writes.
    fn reconnect_errors(&self) -> Vec<ReconnectError> {
        let mut errors = vec![ReconnectError::Loading, ReconnectError::MasterDown];
        if self.has_successor() {
            errors.push(ReconnectError::ReadOnly);
        }
        errors
    }

    fn connection(&self, call_timeout: Duration) -> ConnectionConfig {
        let silence = self.silence(call_timeout);
        let attempt = if self.has_successor() {
            self.options.connect_timeout.min(ATTEMPT_WITH_SUCCESSOR)
        } else {
            self.options.connect_timeout
        };
        let tcp = TcpConfig {
            nodelay: Some(true),
            // Notices a peer that vanished while nothing is in flight; whatever is in flight has `unresponsive` and the
            // watchdog of a wait.
            keepalive: Some(TcpKeepalive::new().with_time(SILENCE / 2).with_interval(SILENCE / 5)),
            ..TcpConfig::default()
        };
        ConnectionConfig {
            connection_timeout: attempt,
            internal_command_timeout: attempt,
            max_command_attempts: SEND_ATTEMPTS,
            max_command_buffer_len: WAITING_CALLS,
            unresponsive: UnresponsiveConfig { max_timeout: Some(silence), interval: (silence / 4).max(MILLISECOND) },
            tcp,
            reconnect_errors: self.reconnect_errors(),
            ..ConnectionConfig::default()
        }
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settings({})", self.peer.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for url in [
            "redis://me:p%40ss@host:7000/3",
            "redis-sentinel://:p%40ss@host:26379/1?sentinelServiceName=main&sentinelPassword=p%40ss",
        ] {
            let settings = Settings::new(url, &ConnectOptions::default(), String::new()).unwrap();
            let shown = format!("{settings:?} {}", settings.address());
            assert!(shown.contains("host") && !shown.contains("p%40ss") && !shown.contains("p@ss"), "{shown}");
        }
    }
}
