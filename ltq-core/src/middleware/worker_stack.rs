//! [`WorkerStack`]: the levels a worker begins with and, between them, those its user added.
//!
//! `Timeout` begins innermost, not beside the others: then it stays inside a `Retry` the user adds, and an attempt that
//! runs out of time is tried again. What waits in the user's levels does not count as the task's time.

use std::fmt;

use tower::{Layer, Service};

use super::{InvalidMiddleware, MaxAge, Middleware, Next, RateLimit, Retry, Stack, Timeout};
use crate::BoxError;
use crate::task::Delivery;

/// All levels of a worker.
pub(crate) struct WorkerStack {
    outer: Stack,
    added: Stack,
    inner: Stack,
}

impl Default for WorkerStack {
    fn default() -> Self {
        Self {
            outer: Stack::new().middleware(MaxAge::new()).middleware(RateLimit::default()).middleware(Retry::default()),
            added: Stack::new(),
            inner: Stack::new().middleware(Timeout::default()),
        }
    }
}

impl WorkerStack {
    /// Adds a middleware inside those already added; one of its type that was there from the beginning goes.
    pub(crate) fn middleware<M: Middleware>(self, middleware: M) -> Self {
        Self {
            outer: self.outer.without::<M>(),
            added: self.added.middleware(middleware),
            inner: self.inner.without::<M>(),
        }
    }

    /// Adds a layer of tower inside those already added.
    pub(crate) fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Next> + Send + 'static,
        L::Service: Service<Delivery, Response = ()> + Clone + Send + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send,
    {
        Self { added: self.added.layer(layer), ..self }
    }

    /// Takes away what was there from the beginning.
    pub(crate) fn without_defaults(self) -> Self {
        Self { outer: Stack::new(), added: self.added, inner: Stack::new() }
    }

    /// Takes away every middleware of one type, wherever it stands.
    #[cfg(feature = "testing")]
    pub(crate) fn without<M: Middleware>(self) -> Self {
        Self { outer: self.outer.without::<M>(), added: self.added.without::<M>(), inner: self.inner.without::<M>() }
    }

    /// Checks all settings and builds the service.
    pub(crate) fn build(self) -> Result<Next, InvalidMiddleware> {
        let stack = self.outer.then(self.added).then(self.inner);
        stack.check()?;
        Ok(stack.build())
    }
}

impl fmt::Debug for WorkerStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.added, f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::BoxFuture;
    use crate::message::MessageId;
    use crate::middleware::Elapsed;
    use crate::task::{Context, RetryMessage, TaskDef};

    fn hang(_: Delivery) -> BoxFuture<'static, Result<(), BoxError>> {
        Box::pin(std::future::pending())
    }

    static HANGS: TaskDef = TaskDef::new("hangs", "tests::hangs", hang).timeout(Duration::from_secs(1));

    async fn run(stack: WorkerStack) -> BoxError {
        let context = Context::builder(MessageId::new(), HANGS.name, HANGS.queue.into()).build();
        let delivery = Delivery::new(&HANGS, context, bytes::Bytes::from_static(&[0x80]), Arc::default());
        stack.build().unwrap().run(delivery).await.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_is_retried_whichever_of_the_defaults_is_replaced() {
        assert!(run(WorkerStack::default()).await.is::<RetryMessage>());
        assert!(run(WorkerStack::default().middleware(Retry::default())).await.is::<RetryMessage>());
        assert!(run(WorkerStack::default().middleware(Timeout::default())).await.is::<RetryMessage>());
        let both = WorkerStack::default().middleware(Retry::default()).middleware(Timeout::default());
        assert!(run(both).await.is::<RetryMessage>());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_added_replaces_the_default_of_its_type() {
        assert!(run(WorkerStack::default().middleware(Retry::default().attempts(1))).await.is::<Elapsed>());
    }

    #[tokio::test(start_paused = true)]
    async fn without_defaults_only_what_was_added_is_left() {
        let stack = WorkerStack::default().middleware(Timeout::default()).without_defaults();
        assert!(run(stack).await.is::<Elapsed>());
    }

    #[test]
    fn wrong_settings_are_found_when_it_is_built() {
        let error = WorkerStack::default().middleware(Retry::default().attempts(0)).build().unwrap_err();
        assert!(error.middleware.ends_with("Retry"), "{error}");
    }
}
