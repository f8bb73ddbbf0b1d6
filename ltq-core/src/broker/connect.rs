//! An address becomes a broker: `memory://`, `redis://` and its relatives.

use std::sync::Arc;

use url::Url;

use super::address::address_error;
use super::{Broker, BrokerError, ConnectOptions, memory};

/// The address used when none is given.
pub const DEFAULT_URL: &str = "redis://localhost:6379";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_scheme_names_the_known_ones() {
        let error = connect("amqp://u:secret@host", &ConnectOptions::default()).await.unwrap_err().to_string();
        assert!(error.contains("redis://") && !error.contains("secret"), "{error}");
    }
}
