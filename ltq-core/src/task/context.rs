//! [`Context`]: what a running task knows about its message.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::broker::BrokerError;
use crate::client::{self, Client};
use crate::message::{Carried, CarriedError, MessageId};

/// The message behind one execution. Cheap to clone; clones share everything.
///
/// An argument of this type is injected into a task and is not part of its payload.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

/// What messages that were taken together have in common.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The queue they were taken from.
    pub(crate) queue: Arc<str>,
    /// The client of the worker that took them.
    pub(crate) client: Option<Client>,
    /// The broker's time when they were taken, in milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
    /// Cancels all of them; the signal of a single execution is its child.
    pub(crate) cancellation: CancellationToken,
}

struct Inner {
    id: MessageId,
    task: &'static str,
    attempt: u32,
    delivery: u64,
    created_at_ms: u64,
    max_age: Option<Duration>,
    origin: Arc<Origin>,
    /// Made when somebody asks for it: most executions never do.
    own_cancellation: OnceLock<CancellationToken>,
    carried: Mutex<Carried>,
}

impl Context {
    /// A context for a call without a queue: a fresh id, attempt 1, delivery 1, never cancelled.
    ///
    /// It is what a test, or a plain call of a task that asks for a context, passes.
    #[must_use]
    pub fn detached() -> Self {
        Self::builder(MessageId::new(), "", "".into()).build()
    }

    /// Starts a context for a message; the worker's way to make one. Tests of a task use `ltq::testing::context`.
    #[doc(hidden)]
    pub fn builder(id: MessageId, task: &'static str, queue: Arc<str>) -> ContextBuilder {
        Self::of(id, task, Arc::new(Origin { queue, client: None, now_ms: 0, cancellation: CancellationToken::new() }))
    }

    /// The same for one of several messages that were taken together.
    pub(crate) fn of(id: MessageId, task: &'static str, origin: Arc<Origin>) -> ContextBuilder {
        ContextBuilder {
            inner: Inner {
                id,
                task,
                attempt: 1,
                delivery: 1,
                created_at_ms: 0,
                max_age: None,
                origin,
                own_cancellation: OnceLock::new(),
                carried: Mutex::default(),
            },
        }
    }

    /// The message's id, the same in every attempt.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.inner.id
    }

    /// The task's name.
    #[must_use]
    pub fn task(&self) -> &'static str {
        self.inner.task
    }

    /// The queue the message was taken from.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.inner.origin.queue
    }

    /// The client of the worker that runs the task: what `task.send(…)` uses here. What the task spawns does not inherit
    /// it and is handed this one.
    ///
    /// A context made by hand has no worker; it gives what [`current`](crate::client::current) does where this is called.
    ///
    /// ```
    /// # use ltq_core::{client::SendError, message::Message, task::Context};
    /// # async fn body(ctx: Context) -> Result<(), SendError> {
    /// let client = ctx.client().await?;
    /// tokio::spawn(async move { client.send(Message::new("app::notify", "mail", &())).await });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Only for a context made by hand: there is no process-wide client and it could not be connected.
    pub async fn client(&self) -> Result<Client, BrokerError> {
        match &self.inner.origin.client {
            Some(client) => Ok(client.clone()),
            None => client::current().await,
        }
    }

    /// Which attempt this is, from 1. A recovery after a crash repeats the attempt; it does not charge one.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// How often the message has been handed out, from 1: it grows with every retry and every recovery.
    ///
    /// It is a fencing token: a store that remembers the highest number it has seen for a message can refuse writes of
    /// an execution that was overtaken.
    #[must_use]
    pub fn delivery(&self) -> u64 {
        self.inner.delivery
    }

    /// When the message was built, by the sender's clock.
    #[must_use]
    pub fn created_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.inner.created_at_ms)
    }

    /// How old the message was when it was taken: the broker's clock then, less the sender's when it was built.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.inner.origin.now_ms.saturating_sub(self.inner.created_at_ms))
    }

    /// The age the sender allowed, if any.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.inner.max_age
    }

    /// Whether the execution should stop: it ran into its timeout, its worker stops, or its worker lost the message.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.own_cancellation.get().unwrap_or(&self.inner.origin.cancellation).is_cancelled()
    }

    /// Waits until the execution should stop. Safe to drop.
    pub async fn cancelled(&self) {
        self.own_cancellation().cancelled().await;
    }

    /// Tells the execution to stop; a task that does not look at it runs on.
    pub fn cancel(&self) {
        self.own_cancellation().cancel();
    }

    fn own_cancellation(&self) -> &CancellationToken {
        self.inner.own_cancellation.get_or_init(|| self.inner.origin.cancellation.child_token())
    }

    /// A value from the map that travels with the message and survives retries.
    ///
    /// # Errors
    ///
    /// The value is not of type `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CarriedError> {
        self.carried().get(key)
    }

    /// Puts a value into that map; the next attempt sees it.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded.
    pub fn set<T: Serialize + ?Sized>(&self, key: impl Into<String>, value: &T) -> Result<(), CarriedError> {
        self.carried().set(key, value)
    }

    /// Takes a value out of that map; says whether there was one.
    #[must_use = "says whether there was a value"]
    pub fn remove(&self, key: &str) -> bool {
        self.carried().remove(key)
    }

    /// A copy of that map as it is now.
    #[must_use]
    pub fn carried_snapshot(&self) -> Carried {
        self.carried().clone()
    }

    fn carried(&self) -> MutexGuard<'_, Carried> {
        // Nothing that can panic runs under this lock, so a poisoned map is whole.
        self.inner.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.inner.id)
            .field("task", &self.inner.task)
            .field("queue", &self.inner.origin.queue)
            .field("attempt", &self.inner.attempt)
            .field("delivery", &self.inner.delivery)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Context`], for the worker and for tests.
#[must_use]
pub struct ContextBuilder {
    inner: Inner,
}

impl ContextBuilder {
    /// Which attempt this is, from 1.
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.inner.attempt = attempt;
        self
    }

    /// The delivery number, from 1.
    pub fn delivery(mut self, delivery: u64) -> Self {
        self.inner.delivery = delivery;
        self
    }

    /// When the message was built, in milliseconds since the Unix epoch.
    pub fn created_at_ms(mut self, created_at_ms: u64) -> Self {
        self.inner.created_at_ms = created_at_ms;
        self
    }

    /// The broker's time when the message was taken, in milliseconds since the Unix epoch.
    pub fn now_ms(mut self, now_ms: u64) -> Self {
        self.origin().now_ms = now_ms;
        self
    }

    /// How old the message is when it is taken: sets [`now_ms`](Self::now_ms) to this long after it was built.
    pub fn age(mut self, age: Duration) -> Self {
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        self.origin().now_ms = self.inner.created_at_ms.saturating_add(age_ms);
        self
    }

    /// The age the sender allows.
    pub fn max_age(mut self, max_age: Option<Duration>) -> Self {
        self.inner.max_age = max_age;
        self
    }

    /// The signal that cancels this execution among others, such as all of a worker.
    #[doc(hidden)]
    pub fn cancellation(mut self, token: CancellationToken) -> Self {
        self.origin().cancellation = token;
        self
    }

    /// The map the message arrived with.
    pub fn carried(mut self, carried: Carried) -> Self {
        self.inner.carried = Mutex::new(carried);
        self
    }

    /// Puts a value into the map the message arrived with.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded.
    pub fn carry<T: Serialize + ?Sized>(mut self, key: impl Into<String>, value: &T) -> Result<Self, CarriedError> {
        self.inner.carried.get_mut().unwrap_or_else(PoisonError::into_inner).set(key, value)?;
        Ok(self)
    }

    /// As if the execution had already been told to stop.
    pub fn cancelled(self) -> Self {
        self.inner.origin.cancellation.cancel();
        self
    }

    fn origin(&mut self) -> &mut Origin {
        Arc::make_mut(&mut self.inner.origin)
    }

    /// The context.
    #[must_use]
    pub fn build(self) -> Context {
        Context { inner: Arc::new(self.inner) }
    }
}

impl fmt::Debug for ContextBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextBuilder").field("id", &self.inner.id).finish_non_exhaustive()
    }
}
