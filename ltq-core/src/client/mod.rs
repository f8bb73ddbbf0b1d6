//! [`Client`]: sending messages.
//!
//! A message passes the send middleware and becomes an envelope here, is checked against the size limit, and joins the
//! sender of its queue, where sends that run at once travel together.
//!
//! Next: `client/coalesce.rs`.

mod access;
mod buffer;
mod builder;
mod bulk;
mod coalesce;
mod dead_letters;
mod error;
mod global;
mod middleware;
mod queue;
pub(crate) mod scope;
#[cfg(feature = "testing")]
pub(crate) mod testing;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use self::access::BrokerAccess;
use self::buffer::Buffer;
pub use self::builder::ClientBuilder;
use self::coalesce::{QueueSender, QueueSenderSettings};
pub use self::dead_letters::DeadLetters;
pub use self::error::SendError;
pub use self::global::{connect, current, set_current};
pub use self::middleware::{SendMiddleware, Sent};
pub use self::queue::Queue;
use crate::broker::{Broker, BrokerError, Entry};
use crate::message::{Durability, Envelope, InvalidQueueName, Message, MessageId, QueueName};

/// Sends messages to one broker, and looks into its queues. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    broker: Arc<dyn Broker>,
    max_message_bytes: usize,
    send_timeout: Duration,
    buffer: Arc<Buffer>,
    max_queue_length: Option<u64>,
    durability: Durability,
    senders: Mutex<QueueSenders>,
    /// Outermost first.
    middleware: Vec<Arc<dyn SendMiddleware>>,
    #[cfg(feature = "testing")]
    test: Option<Arc<testing::Test>>,
}

/// The senders in use. Messages of the client's own level of durability, which is nearly always all of them, are found by
/// their queue alone.
#[derive(Default)]
struct QueueSenders {
    usual: HashMap<String, Arc<QueueSender>>,
    others: HashMap<(String, Durability), Arc<QueueSender>>,
}

impl Client {
    /// Connects with the default options; see [`crate::broker::connect`] for the addresses.
    ///
    /// # Errors
    ///
    /// The address cannot be used or nothing answers there.
    pub async fn connect(url: &str) -> Result<Self, BrokerError> {
        Self::builder().connect(url).await
    }

    /// Starts a client with settings of its own.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// The address of its broker, without credentials.
    #[must_use]
    pub fn address(&self) -> &str {
        self.inner.broker.address()
    }

    /// Sends one message. Sends that run at once travel together.
    ///
    /// When this returns an id, the message is on its queue. A lost connection is repaired and the call repeated without
    /// queueing twice, until the client's `send_timeout` is over.
    ///
    /// # Errors
    ///
    /// The message was not accepted; see [`SendError`]. After a timeout it may still have been queued, once.
    ///
    /// # Cancel safety
    ///
    /// A message may or may not be sent when the future is dropped.
    pub async fn send(&self, message: Message) -> Result<MessageId, SendError> {
        let (id, sender, entry) = self.prepare(message)?;
        let result = match sender.submit(vec![entry]) {
            Ok(mut submitted) => submitted.finished(id).await,
            Err(error) => Err(error),
        };
        self.sent(sender.queue(), &[id], result.as_ref().err());
        result?;
        #[cfg(feature = "testing")]
        self.run_in_place(&[id]).await?;
        Ok(id)
    }

    /// Sends any number of messages, of any tasks, and consumes the iterator as it goes. The ids come in the order of
    /// the messages; messages of one queue are queued in that order.
    ///
    /// # Errors
    ///
    /// Not all messages were accepted; [`SendError::Partial`] says which were.
    pub async fn send_bulk(&self, messages: impl IntoIterator<Item = Message>) -> Result<Vec<MessageId>, SendError> {
        let ids = bulk::send(self, messages).await?;
        #[cfg(feature = "testing")]
        self.run_in_place(&ids).await?;
        Ok(ids)
    }

    /// One queue, to look into it: its numbers, its dead letters.
    ///
    /// # Errors
    ///
    /// The queue cannot be called that.
    pub fn queue(&self, name: &str) -> Result<Queue, InvalidQueueName> {
        Ok(Queue::new(Arc::clone(&self.inner.broker), QueueName::new(name)?))
    }

    /// The queues that exist, sorted.
    ///
    /// # Errors
    ///
    /// The broker did not answer.
    pub async fn queues(&self) -> Result<Vec<String>, BrokerError> {
        Ok(self.inner.broker.queues().await?.iter().map(ToString::to_string).collect())
    }

    /// Closes the connections. Sends that are under way end first; later ones are errors.
    pub async fn close(&self) {
        self.inner.broker.close().await;
    }

    /// A client with the same settings, and the same bound on what it holds, that sends through `broker`.
    #[cfg(feature = "worker")]
    pub(crate) fn with_broker(&self, broker: Arc<dyn Broker>) -> Self {
        let Inner { max_message_bytes, send_timeout, buffer, max_queue_length, durability, middleware, .. } =
            &*self.inner;
        Self {
            inner: Arc::new(Inner {
                broker,
                max_message_bytes: *max_message_bytes,
                send_timeout: *send_timeout,
                buffer: Arc::clone(buffer),
                max_queue_length: *max_queue_length,
                durability: *durability,
                senders: Mutex::default(),
                middleware: middleware.clone(),
                #[cfg(feature = "testing")]
                test: self.inner.test.clone(),
            }),
        }
    }

    /// Passes a message through the middleware, encodes it and finds its sender.
    fn prepare(&self, mut message: Message) -> Result<(MessageId, Arc<QueueSender>, Entry), SendError> {
        for middleware in &self.inner.middleware {
            let task = message.task.clone();
            message = middleware
                .before_send(message)
                .map_err(|source| SendError::Refused { task: task.into_owned(), source: source.into() })?;
        }
        let Message { id, task, queue, args, carried, due, max_age, durability } = message;
        let args = args.map_err(|source| SendError::Encode { task: task.to_string(), source })?;
        let created_at_ms = id.timestamp_ms();
        #[cfg(feature = "testing")]
        let created_at_ms = self.test().map_or(created_at_ms, |test| test.broker.now_ms());
        let mut envelope = Envelope::new(id, &task, &queue, created_at_ms, &args);
        envelope.max_age_ms = max_age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        envelope.carried = carried;
        let payload = envelope.encode();
        let limit = self.inner.max_message_bytes;
        if payload.len() > limit {
            return Err(SendError::TooLarge { task: task.into_owned(), size: payload.len(), limit });
        }
        Ok((id, self.sender(&queue, durability)?, Entry { payload, due }))
    }

    /// Tells the middleware what became of messages, innermost first.
    fn sent(&self, queue: &str, ids: &[MessageId], error: Option<&SendError>) {
        for middleware in self.inner.middleware.iter().rev() {
            middleware.after_send(&Sent { queue, ids, error });
        }
    }

    fn sender(&self, queue: &str, durability: Option<Durability>) -> Result<Arc<QueueSender>, InvalidQueueName> {
        let inner = &*self.inner;
        let mut senders = inner.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let other = durability.filter(|durability| *durability != inner.durability);
        let known = match other {
            None => senders.usual.get(queue),
            Some(durability) => senders.others.get(&(queue.to_owned(), durability)),
        };
        if let Some(sender) = known {
            return Ok(Arc::clone(sender));
        }
        let sender = QueueSender::new(
            Arc::clone(&inner.broker),
            QueueSenderSettings {
                queue: QueueName::new(queue)?,
                timeout: inner.send_timeout,
                buffer: Arc::clone(&inner.buffer),
                durability: other.unwrap_or(inner.durability),
                max_queue_length: inner.max_queue_length,
            },
        );
        match other {
            None => senders.usual.insert(queue.to_owned(), Arc::clone(&sender)),
            Some(durability) => senders.others.insert((queue.to_owned(), durability), Arc::clone(&sender)),
        };
        Ok(sender)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Message {
    /// Sends it with the client of the worker whose task this is called in, else with the process-wide one; see
    /// [`current`].
    ///
    /// # Errors
    ///
    /// The message was not accepted; see [`SendError`].
    pub async fn send(self) -> Result<MessageId, SendError> {
        current().await?.send(self).await
    }

    /// Sends it with a client of one's own.
    ///
    /// # Errors
    ///
    /// The message was not accepted; see [`SendError`].
    pub async fn send_with(self, client: &Client) -> Result<MessageId, SendError> {
        client.send(self).await
    }
}
