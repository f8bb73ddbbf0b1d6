//! [`Settings`]: an address and the options become settings of the Redis client, each with its reason.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use fred::clients::Client;
use fred::socket2::TcpKeepalive;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectError, ReconnectPolicy, ServerConfig, TcpConfig,
    UnresponsiveConfig,
};
use url::Url;

#[cfg(feature = "tls")]
use super::tls;
use crate::broker::connect::address_error;
use crate::broker::redis::keys::namespace_fault;
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

/// As how many messages at least a turn takes them as a block. Some more commands on the server, and one more of the client,
/// have to be worth it.
const BATCH_FROM: usize = 32;

/// Everything that is needed to open one more connection.
#[derive(Clone)]
pub(crate) struct Settings {
    address: String,
    config: Config,
    options: ConnectOptions,
    #[cfg(feature = "testing")]
    test_clock: Option<super::test_clock::TestClock>,
    /// As how many messages at least a turn takes them as a block.
    block_from: usize,
    /// How often a connection made with these settings found its server silent.
    silences: Arc<AtomicU64>,
}

impl Settings {
    /// Checks an address and the options.
    pub(crate) fn new(url: &str, options: &ConnectOptions) -> Result<Self, BrokerError> {
        if let Some(fault) = namespace_fault(&options.namespace) {
            return Err(address_error(url, format!("{fault}; use letters, digits, `-` and `_`")));
        }
        Ok(Self {
            address: redact_url(url),
            config: config(url)?,
            options: options.clone(),
            silences: Arc::default(),
            #[cfg(feature = "testing")]
            test_clock: None,
            block_from: BATCH_FROM,
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

    /// Takes batches of other sizes.
    #[cfg(feature = "testing")]
    pub(crate) fn with_blocks_from(mut self, block_from: usize) -> Self {
        self.block_from = block_from;
        self
    }

    /// As how many messages at least a turn takes them as a block.
    pub(crate) fn block_from(&self) -> usize {
        self.block_from
    }

    /// Where the server is, without a password.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Whether keys are spread over several servers.
    pub(crate) fn is_cluster(&self) -> bool {
        self.config.server.is_clustered()
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.address.starts_with("rediss")
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

    /// Counts the silences, so that a connection learns from the others that its server may be gone.
    pub(crate) fn silences(&self) -> &Arc<AtomicU64> {
        &self.silences
    }

    /// A client that is not connected yet; a `call_timeout` of zero sets no bound.
    pub(crate) fn client(&self, call_timeout: Duration) -> Client {
        let performance = PerformanceConfig { default_command_timeout: call_timeout, ..PerformanceConfig::default() };
        // Quick at first, because most interruptions are short; never slower than once a second, because recovery has to be
        // quick when the server is back; for ever, because a worker never gives up.
        let mut policy = ReconnectPolicy::new_exponential(0, 20, 1_000, 2);
        policy.set_jitter(20);
        Client::new(self.config.clone(), Some(performance), Some(self.connection(call_timeout)), Some(policy))
    }

    /// Answers after which the client connects anew and sends the call again: states that pass by themselves, or with a
    /// connection to the new primary. Behind a single address nothing says that there is another primary, so there the
    /// caller learns at once that the server takes no writes.
    fn reconnect_errors(&self) -> Vec<ReconnectError> {
        let mut errors = vec![ReconnectError::ClusterDown, ReconnectError::Loading, ReconnectError::MasterDown];
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
            // `script.rs` and `wait.rs` repeat redirected calls themselves. The client would ask the old owner of a slot
            // again when it was told to ASK the new one, and while doing so take the reply of another call for its own.
            max_redirections: 0,
            ..ConnectionConfig::default()
        }
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settings({})", self.address)
    }
}

/// The address as the client understands it.
fn config(url: &str) -> Result<Config, BrokerError> {
    let parsed = Url::parse(url).map_err(|error| address_error(url, error.to_string()))?;
    let encrypted = parsed.scheme().starts_with("rediss");
    if encrypted && !cfg!(feature = "tls") {
        return Err(address_error(
            url,
            "encrypted connections need ltq's feature `tls`, which this program was built without",
        ));
    }
    let mut config = match parsed.scheme() {
        "unix" => return unix(url, &parsed),
        "redis" | "rediss" => {
            check_parameters(url, &parsed, &[])?;
            single(url, &parsed)?
        }
        "redis-sentinel" | "rediss-sentinel" => {
            check_parameters(url, &parsed, &["sentinelServiceName", "node", "sentinelUsername", "sentinelPassword"])?;
            if !parsed.query_pairs().any(|(name, _)| name == "sentinelServiceName") {
                return Err(address_error(url, "add the name of the primary: ?sentinelServiceName=mymaster"));
            }
            check_database(url, parsed.path().trim_matches('/'))?;
            Config::from_url_sentinel(&plain(&parsed)).map_err(|error| address_error(url, error.details()))?
        }
        "redis-cluster" | "rediss-cluster" => {
            check_parameters(url, &parsed, &["node"])?;
            if !matches!(parsed.path(), "" | "/" | "/0") {
                return Err(address_error(url, "a cluster has one database only; leave the path away"));
            }
            Config::from_url_clustered(&plain(&parsed)).map_err(|error| address_error(url, error.details()))?
        }
        other => return Err(address_error(url, format!("`{other}://` is not a Redis address"))),
    };
    if encrypted {
        #[cfg(feature = "tls")]
        {
            config.tls = Some(tls::config(&parsed).map_err(|reason| address_error(url, reason))?);
        }
    }
    without_brackets(&mut config.server);
    Ok(config)
}

/// The address without its `s`: whatever concerns encryption is set up in `tls.rs`.
fn plain(parsed: &Url) -> String {
    parsed.as_str().replacen("rediss", "redis", 1)
}

/// In a URL the number of an IPv6 address stands in brackets, which no resolver knows.
fn without_brackets(server: &mut ServerConfig) {
    let hosts = match server {
        ServerConfig::Centralized { server } => std::slice::from_mut(server),
        ServerConfig::Clustered { hosts, .. } | ServerConfig::Sentinel { hosts, .. } => hosts.as_mut_slice(),
        ServerConfig::Unix { .. } => return,
    };
    for server in hosts {
        if let Some(number) = server.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            server.host = number.to_owned().into();
        }
    }
}

/// Refuses parameters that would have no effect.
fn check_parameters(url: &str, parsed: &Url, known: &[&str]) -> Result<(), BrokerError> {
    const TLS: [&str; 3] = ["ca", "cert", "key"];
    for (name, _) in parsed.query_pairs() {
        if TLS.contains(&&*name) && !parsed.scheme().starts_with("rediss") {
            let scheme = parsed.scheme().replacen("redis", "rediss", 1);
            return Err(address_error(bare(url), format!("`{name}` is for encrypted connections; write {scheme}://")));
        }
        if !known.contains(&&*name) && !TLS.contains(&&*name) {
            let known: Vec<_> = known.iter().chain(&TLS).map(|name| format!("`{name}`")).collect();
            let reason = format!("the parameter `{name}` is not known here; there are {}", known.join(", "));
            return Err(address_error(bare(url), reason));
        }
    }
    Ok(())
}

fn single(url: &str, parsed: &Url) -> Result<Config, BrokerError> {
    check_database(url, parsed.path().trim_matches('/'))?;
    Config::from_url_centralized(&plain(parsed)).map_err(|error| address_error(url, error.details()))
}

fn unix(url: &str, parsed: &Url) -> Result<Config, BrokerError> {
    let path = socket_path(parsed).ok_or_else(|| {
        address_error(bare(url), "the path of the socket is missing; write unix:///path/to/redis.sock")
    })?;
    let mut config = Config::from_url_unix(url).map_err(|error| address_error(bare(url), error.details()))?;
    config.server = ServerConfig::Unix { path };
    for (name, value) in parsed.query_pairs() {
        if name != "db" {
            let reason = format!("`{name}` is not known here; write unix://[user:password@localhost]/path[?db=number]");
            return Err(address_error(bare(url), reason));
        }
        config.database = check_database(url, &value)?;
    }
    Ok(config)
}

/// The path, its percent signs resolved. The `url` crate does so for files only, so it is shown as one.
fn socket_path(parsed: &Url) -> Option<PathBuf> {
    let path = Url::parse(&format!("file://{}", parsed.path())).ok()?.to_file_path().ok()?;
    (path.components().count() > 1).then_some(path)
}

fn check_database(url: &str, text: &str) -> Result<Option<u8>, BrokerError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        address_error(bare(url), format!("`{text}` is not the number of a database; write for example 0, up to 255"))
    })
}

/// Without the query, where a password may have been put by mistake.
fn bare(url: &str) -> &str {
    url.split_once('?').map_or(url, |(bare, _)| bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Result<Settings, BrokerError> {
        Settings::new(url, &ConnectOptions::default())
    }

    #[test]
    fn credentials_and_database_are_read_and_the_password_is_not_shown() {
        let settings = settings("redis://me:p%40ss@host:7000/3").unwrap();
        let config = &settings.config;
        assert_eq!(config.server, ServerConfig::new_centralized("host", 7000));
        assert_eq!((config.username.as_deref(), config.password.as_deref()), (Some("me"), Some("p@ss")));
        assert_eq!(config.database, Some(3));
        let shown = format!("{settings:?} {}", settings.address());
        assert!(shown.contains("host") && !shown.contains("p%40ss") && !shown.contains("p@ss"), "{shown}");
    }

    #[test]
    fn ports_have_defaults_and_ipv6_loses_its_brackets() {
        assert_eq!(settings("redis://[::1]").unwrap().config.server, ServerConfig::new_centralized("::1", 6379));
    }

    #[test]
    fn a_unix_socket_may_have_a_strange_path() {
        let config = settings("unix:///run/my%20redis.sock?db=2").unwrap().config;
        assert_eq!(config.server, ServerConfig::new_unix_socket("/run/my redis.sock"));
        assert_eq!(config.database, Some(2));
        assert!(settings("unix://").is_err());
    }

    #[test]
    fn sentinel_and_cluster_addresses_are_accepted() {
        let sentinel = "redis-sentinel://:secret@a:26379/1?sentinelServiceName=main&node=b:26379&sentinelPassword=hush";
        let sentinel = settings(sentinel).unwrap();
        assert!(sentinel.config.server.is_sentinel() && !sentinel.is_cluster());
        assert!(!sentinel.address().contains("secret") && !sentinel.address().contains("hush"));
        assert!(settings("redis-cluster://a:7000?node=b:7000").unwrap().is_cluster());
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_tls_an_encrypted_address_names_the_feature() {
        let error = settings("rediss://:secret@host").unwrap_err().to_string();
        assert!(error.contains("`tls`") && !error.contains("secret"), "{error}");
    }
}
