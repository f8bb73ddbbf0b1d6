//! [`Client`]: sending messages.

mod error;
mod global;

use std::sync::Arc;

pub use self::error::SendError;
pub use self::global::{connect, current, set_current};
use crate::broker::{Broker, BrokerError, ConnectOptions};
use crate::message::{Message, MessageId, QueueName};

/// The largest message, in bytes, unless the client says otherwise: 1 MiB.
pub const DEFAULT_MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// Sends messages to one broker. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    broker: Arc<dyn Broker>,
    max_message_bytes: usize,
}

impl Client {
    /// Connects with the default options; see [`crate::broker::connect`] for the addresses.
    ///
    /// # Errors
    ///
    /// The address cannot be used or nothing answers there.
    pub async fn connect(url: &str) -> Result<Self, BrokerError> {
        Self::connect_with(url, &ConnectOptions::default()).await
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// The address cannot be used or nothing answers there.
    pub async fn connect_with(url: &str, options: &ConnectOptions) -> Result<Self, BrokerError> {
        Ok(Self::on(crate::broker::connect(url, options).await?))
    }

    /// A client of a broker that is already connected.
    #[must_use]
    pub fn on(broker: Arc<dyn Broker>) -> Self {
        Self { inner: Arc::new(Inner { broker, max_message_bytes: DEFAULT_MAX_MESSAGE_BYTES }) }
    }

    /// The broker it sends to.
    #[must_use]
    pub fn broker(&self) -> &Arc<dyn Broker> {
        &self.inner.broker
    }

    /// Sends one message. Sends that run at once travel together.
    ///
    /// # Errors
    ///
    /// The message was not accepted; see [`SendError`].
    pub async fn send(&self, message: Message) -> Result<MessageId, SendError> {
        let _ = message;
        todo!()
    }

    /// Sends any number of messages, of any tasks. The ids come in the order of the messages.
    ///
    /// # Errors
    ///
    /// Not all messages were accepted; [`SendError::Partial`] says which were.
    pub async fn send_bulk(&self, messages: impl IntoIterator<Item = Message>) -> Result<Vec<MessageId>, SendError> {
        let _ = (messages.into_iter().count(), self.inner.max_message_bytes);
        todo!()
    }
}

impl Message {
    /// Sends it with the process-wide client.
    ///
    /// # Errors
    ///
    /// The message was not accepted; see [`SendError`].
    pub async fn send(self) -> Result<MessageId, SendError> {
        current().await?.send(self).await
    }

    /// Checks the queue's name.
    #[allow(dead_code)]
    pub(crate) fn checked_queue(&self) -> Result<QueueName, SendError> {
        Ok(QueueName::new(&self.queue)?)
    }
}
