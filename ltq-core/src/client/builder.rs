//! [`ClientBuilder`]: the settings of a client.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::buffer::Buffer;
use super::{Client, Inner, SendMiddleware};
use crate::broker::{Broker, BrokerError, ConnectOptions};
use crate::message::Durability;

/// The largest message, in bytes, unless the client says otherwise: 1 MiB.
const DEFAULT_MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// How many bytes of messages a client holds that its broker has not taken yet, unless it says otherwise: 64 MiB.
const DEFAULT_MAX_BUFFERED_BYTES: usize = 64 * 1024 * 1024;

/// Makes a [`Client`] with settings of its own.
#[derive(Clone)]
#[must_use = "a builder does nothing until it connects"]
pub struct ClientBuilder {
    options: ConnectOptions,
    max_message_bytes: usize,
    send_timeout: Duration,
    max_buffered_bytes: usize,
    max_queue_length: Option<u64>,
    durability: Durability,
    middleware: Vec<Arc<dyn SendMiddleware>>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            options: ConnectOptions::default(),
            max_message_bytes: DEFAULT_MAX_MESSAGE_BYTES,
            send_timeout: Duration::from_secs(10),
            max_buffered_bytes: DEFAULT_MAX_BUFFERED_BYTES,
            max_queue_length: None,
            durability: Durability::default(),
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

    /// How many bytes of messages may wait in this program for the broker to take them, sends of all queues together.
    /// Beyond it a send fails at once with [`SendError::BufferFull`](super::SendError::BufferFull). Default 64 MiB.
    pub fn max_buffered_bytes(mut self, bytes: usize) -> Self {
        self.max_buffered_bytes = bytes;
        self
    }

    /// How many messages may wait on a queue, ready and scheduled. While there are as many, a send to it fails with
    /// [`SendError::QueueFull`](super::SendError::QueueFull). Default no bound.
    ///
    /// Each sender brings its own bound. Messages that are sent at once travel together, and are accepted together while
    /// there is room for one, so a queue may exceed the bound by a call's worth, at most 1,000 messages per sender.
    /// Retries and messages handed back are not bound by it.
    pub fn max_queue_length(mut self, messages: u64) -> Self {
        self.max_queue_length = Some(messages);
        self
    }

    /// How safe a message must be before its send counts as accepted, unless the message says otherwise. Default
    /// [`Durability::Primary`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
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
    pub(super) fn on(self, broker: Arc<dyn Broker>) -> Client {
        Client {
            inner: Arc::new(Inner {
                broker,
                max_message_bytes: self.max_message_bytes,
                send_timeout: self.send_timeout,
                buffer: Buffer::new(self.max_buffered_bytes),
                max_queue_length: self.max_queue_length,
                durability: self.durability,
                senders: Mutex::default(),
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
            .field("max_buffered_bytes", &self.max_buffered_bytes)
            .field("max_queue_length", &self.max_queue_length)
            .field("durability", &self.durability)
            .field("middleware", &self.middleware.len())
            .finish()
    }
}
