//! [`SendMiddleware`]: what happens around every send.
//!
//! Two plain functions instead of one async `handle(message, next)` as around executions: a bulk of a million messages
//! is encoded while earlier ones travel, and a future per message would cost more than the message.

use super::SendError;
use crate::BoxError;
use crate::message::{Message, MessageId};

/// Something that happens around every send of a client. Set up with
/// [`ClientBuilder::middleware`](super::ClientBuilder::middleware).
///
/// The first one added is the outermost: it sees a message first, and what became of it last.
///
/// ```
/// use ltq_core::BoxError;
/// use ltq_core::client::{Client, SendMiddleware, Sent};
/// use ltq_core::message::Message;
///
/// struct Tenant(String);
///
/// impl SendMiddleware for Tenant {
///     fn before_send(&self, message: Message) -> Result<Message, BoxError> {
///         if message.task().starts_with("admin::") {
///             return Err("tenants send no admin tasks".into());
///         }
///         Ok(message.carry("tenant", &self.0)?)
///     }
///
///     fn after_send(&self, sent: &Sent<'_>) {
///         eprintln!("{} messages on {}: {}", sent.ids.len(), sent.queue, sent.error.is_none());
///     }
/// }
///
/// # async fn connect() -> Result<Client, ltq_core::broker::BrokerError> {
/// Client::builder().middleware(Tenant("acme".to_owned())).connect("memory://").await
/// # }
/// ```
pub trait SendMiddleware: Send + Sync + 'static {
    /// Handles one message before it is encoded: looks at it, returns it or another one in its place, or refuses it.
    ///
    /// It is called for each message of a bulk too, so it should be quick, and it must not block.
    ///
    /// # Errors
    ///
    /// The message is not sent; the sender gets [`SendError::Refused`] with this error as its source.
    fn before_send(&self, message: Message) -> Result<Message, BoxError> {
        Ok(message)
    }

    /// Hears what became of messages that went to the broker: one at a time from `send`, in bulks from `send_bulk`.
    ///
    /// It does not hear of messages that were refused or could not be encoded, nor of a send that its caller dropped.
    fn after_send(&self, sent: &Sent<'_>) {
        let _ = sent;
    }
}

/// What became of messages of one queue that went to the broker together.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Sent<'a> {
    /// The queue they were for.
    pub queue: &'a str,
    /// Their ids, in the order in which they were sent.
    pub ids: &'a [MessageId],
    /// Why they were not accepted; `None` where they were.
    pub error: Option<&'a SendError>,
}
