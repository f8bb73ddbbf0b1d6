//! [`ClientBuilder`]: the settings of a client.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Client, Inner, SendMiddleware};
use crate::broker::{Broker, BrokerError, ConnectOptions, ProducerId};

/// The largest message, in bytes, unless the client says otherwise: 1 MiB.
const DEFAULT_MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// Makes a [`Client`] with settings of its own.
#[derive(Clone)]
#[must_use = "a builder does nothing until it connects"]
pub struct ClientBuilder {
    options: ConnectOptions,
    max_message_bytes: usize,
    send_timeout: Duration,
    middleware: Vec<Arc<dyn SendMiddleware>>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            options: ConnectOptions::default(),
            max_message_bytes: DEFAULT_MAX_MESSAGE_BYTES,
            send_timeout: Duration::from_secs(10),
            middleware: Vec::new(),
        }
    }
}

impl ClientBuilder {
    /// What every key begins with, so that several installations can share a server. Default `ltq`. Redis only.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.options = self.options.namespace(namespace);
        self
    }

    /// How long connecting may take. Default 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options = self.options.connect_timeout(timeout);
        self
    }

    /// How long a send may take, reconnecting included, before it is an error. Default 10 s.
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.send_timeout = timeout;
        self
    }

    /// The largest message, in bytes as it travels. Default 1 MiB.
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        self
    }

    /// Adds a middleware around every send, inside those already added. Default none, which costs nothing.
    pub fn middleware(mut self, middleware: impl SendMiddleware) -> Self {
        self.middleware.push(Arc::new(middleware));
        self
    }

    /// Connects; see [`crate::broker::connect`] for the addresses.
    ///
    /// # Errors
    ///
    /// The address cannot be used or nothing answers there.
    pub async fn connect(mut self, url: &str) -> Result<Client, BrokerError> {
        self.options.call_timeout = self.options.call_timeout.min(self.send_timeout);
        let broker = crate::broker::connect(url, &self.options).await?;
        Ok(self.on(broker))
    }

    /// A client of a broker that is already connected.
    #[must_use]
    pub fn on(self, broker: Arc<dyn Broker>) -> Client {
        Client {
            inner: Arc::new(Inner {
                broker,
                producer: ProducerId::new(),
                max_message_bytes: self.max_message_bytes,
                send_timeout: self.send_timeout,
                lanes: Mutex::new(HashMap::new()),
                middleware: self.middleware,
                #[cfg(feature = "testing")]
                test: None,
            }),
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("options", &self.options)
            .field("max_message_bytes", &self.max_message_bytes)
            .field("send_timeout", &self.send_timeout)
            .field("middleware", &self.middleware.len())
            .finish()
    }
}
