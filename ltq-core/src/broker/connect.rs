//! An address becomes a broker: `memory://`, `redis://` and its relatives.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::{Broker, BrokerError, memory};

/// The address used when none is given.
pub const DEFAULT_URL: &str = "redis://localhost:6379";

/// How to connect. Every default can be kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// What every key begins with, so that several installations can share a server. Default `ltq`. Redis only.
    pub namespace: String,
    /// How long connecting may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How long one call may take, waiting for a reconnect included. Default 10 s.
    pub call_timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            namespace: "ltq".to_owned(),
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(10),
        }
    }
}

impl ConnectOptions {
    /// Sets what every key begins with.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets how long connecting may take.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long one call may take.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }
}

/// Connects to the broker at `url`:
///
/// - `memory://` or `memory://name`: inside this process; the same name is the same broker.
/// - `redis://[user:password@]host[:port][/database]`: a Redis server. `unix:///path[?db=n]`: the same over a socket.
/// - `redis-sentinel://[user:password@]host[:port][/database]?sentinelServiceName=name[&node=host:port]…`: the primary that
///   these sentinels know under that name; `&sentinelUsername=…&sentinelPassword=…` where they want to be told who asks.
/// - `redis-cluster://[user:password@]host[:port][?node=host:port]…`: the cluster that these servers belong to.
/// - `rediss://`, `rediss-sentinel://`, `rediss-cluster://`: the same, encrypted. `?ca=/path/ca.pem` names the authority to
///   trust instead of the system's, `&cert=/path/cert.pem&key=/path/key.pem` what to show to the server.
///
/// # Errors
///
/// The address is not one of these, a feature is missing for it, or nothing answers there.
pub async fn connect(url: &str, options: &ConnectOptions) -> Result<Arc<dyn Broker>, BrokerError> {
    let parsed =
        Url::parse(url).map_err(|error| address_error(url, format!("{error}; write for example {DEFAULT_URL}")))?;
    match parsed.scheme() {
        "memory" => Ok(memory::MemoryBroker::named(parsed.host_str().unwrap_or_default())),
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "unix" | "redis-sentinel" | "rediss-sentinel" | "redis-cluster" | "rediss-cluster" => {
            Ok(super::redis::RedisBroker::connect(url, options).await?)
        }
        #[cfg(not(feature = "redis"))]
        "redis" | "rediss" | "unix" | "redis-sentinel" | "rediss-sentinel" | "redis-cluster" | "rediss-cluster" => {
            let _ = options;
            Err(address_error(url, "this program was built without ltq's feature `redis`"))
        }
        other => Err(address_error(
            url,
            format!(
                "`{other}://` is not known; use redis://, rediss://, unix://, redis-sentinel://, redis-cluster:// or memory://"
            ),
        )),
    }
}

/// An error about an address, its password hidden.
pub(crate) fn address_error(url: &str, reason: impl Into<String>) -> BrokerError {
    BrokerError::Address { url: redact_url(url), reason: reason.into() }
}

/// The address without its password, fit for logs.
///
/// Also hides the password of an address that does not parse: everything between the scheme and the last `@`.
#[must_use]
pub fn redact_url(url: &str) -> String {
    if let Ok(mut parsed) = Url::parse(url)
        && parsed.has_host()
    {
        if parsed.password().is_some() && parsed.set_password(Some("***")).is_err() {
            return "(address hidden)".to_owned();
        }
        let secret = |name: &str| name.to_ascii_lowercase().contains("password");
        if parsed.query_pairs().any(|(name, _)| secret(&name)) {
            let kept: Vec<_> = parsed
                .query_pairs()
                .map(|(name, value)| {
                    (name.to_string(), if secret(&name) { "***".to_owned() } else { value.to_string() })
                })
                .collect();
            parsed.query_pairs_mut().clear().extend_pairs(kept);
        }
        return parsed.to_string();
    }
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        (None, Some((_, host))) => format!("***@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden() {
        for url in [
            "redis://user:secret@host:6379/0",
            "redis://:secret@host",
            "redis-sentinel://host:26379/0?sentinelPassword=secret",
            "redis://user:secret@host:notaport",
            "user:secret@host",
        ] {
            let shown = redact_url(url);
            assert!(!shown.contains("secret") && shown.contains("host"), "{url} became {shown}");
        }
        assert_eq!(redact_url("redis://localhost:6379"), "redis://localhost:6379");
    }

    #[tokio::test]
    async fn an_unknown_scheme_names_the_known_ones() {
        let error = connect("amqp://u:secret@host", &ConnectOptions::default()).await.unwrap_err().to_string();
        assert!(error.contains("redis://") && !error.contains("secret"), "{error}");
    }
}
