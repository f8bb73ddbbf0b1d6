//! An address becomes the client's description of a server.
//!
//! Whatever would have no effect is refused: a password put in the wrong place would otherwise be found out much later.

use std::path::PathBuf;

use fred::types::config::{Config, ServerConfig};
use url::Url;

#[cfg(feature = "tls")]
use super::tls;
use crate::broker::BrokerError;
use crate::broker::address::address_error;

/// The address as the client understands it.
pub(crate) fn config(url: &str) -> Result<Config, BrokerError> {
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

    #[test]
    fn credentials_and_database_are_read() {
        let config = config("redis://me:p%40ss@host:7000/3").unwrap();
        assert_eq!(config.server, ServerConfig::new_centralized("host", 7000));
        assert_eq!((config.username.as_deref(), config.password.as_deref()), (Some("me"), Some("p@ss")));
        assert_eq!(config.database, Some(3));
    }

    #[test]
    fn ports_have_defaults_and_ipv6_loses_its_brackets() {
        assert_eq!(config("redis://[::1]").unwrap().server, ServerConfig::new_centralized("::1", 6379));
    }

    #[test]
    fn a_unix_socket_may_have_a_strange_path() {
        let config = config("unix:///run/my%20redis.sock?db=2").unwrap();
        assert_eq!(config.server, ServerConfig::new_unix_socket("/run/my redis.sock"));
        assert_eq!(config.database, Some(2));
        assert!(super::config("unix://").is_err());
    }

    #[test]
    fn sentinel_and_cluster_addresses_are_accepted() {
        let sentinel = "redis-sentinel://:secret@a:26379/1?sentinelServiceName=main&node=b:26379&sentinelPassword=hush";
        let sentinel = config(sentinel).unwrap();
        assert!(sentinel.server.is_sentinel());
        assert!(config("redis-cluster://a:7000?node=b:7000").unwrap().server.is_clustered());
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_tls_an_encrypted_address_names_the_feature() {
        let error = config("rediss://:secret@host").unwrap_err().to_string();
        assert!(error.contains("`tls`") && !error.contains("secret"), "{error}");
    }
}
