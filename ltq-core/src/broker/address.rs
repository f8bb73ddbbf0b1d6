//! Addresses as people may see them: without the password.
//!
//! Apart from what connects, so that every broker can use it.

use url::Url;

use super::error::BrokerError;

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
}
