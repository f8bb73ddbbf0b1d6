//! [`ConnectOptions`]: what can be chosen about a connection beside its address.

use std::time::Duration;

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
