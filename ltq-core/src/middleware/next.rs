//! [`Next`]: runs a delivery through the levels of a stack, outermost first, and its output back.
//!
//! Each level is boxed, so what follows it has no type to spell out. A level that a delivery does not concern is stepped
//! over, and the task itself is called without a box: most tasks use few of the options, and an allocation per level and
//! message would be a good part of what a small task costs.
//!
//! Next: `middleware/catch_panic.rs`, the innermost level.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};

use tower::{Service, ServiceExt as _};

use super::Middleware;
use super::catch_panic::call_task;
use crate::task::{Delivery, Output};
use crate::{BoxError, BoxFuture};

/// The rest of the stack, ending in the task. Cheap to clone. It is a tower service itself, which is what the layers of
/// tower are put around.
#[derive(Clone)]
pub struct Next {
    inner: Inner,
}

#[derive(Clone)]
enum Inner {
    /// No more levels: the task.
    Task,
    Level(Arc<dyn Execute>),
}

/// One level of the stack, its type forgotten.
trait Execute: Send + Sync {
    fn execute(&self, delivery: Delivery) -> BoxFuture<'static, Result<Output, BoxError>>;

    /// What comes after this level, if it is of no concern to `delivery`.
    fn passed_by(&self, delivery: &Delivery) -> Option<&Next> {
        let _ = delivery;
        None
    }

    /// Whether this level or one further in reads what tasks return.
    fn reads_output(&self) -> bool {
        true
    }
}

impl Next {
    /// The innermost level: calls the task's own handler and turns its panic into the error
    /// [`TaskPanicked`](crate::task::TaskPanicked).
    #[must_use]
    pub fn task() -> Self {
        Self { inner: Inner::Task }
    }

    /// Runs the rest of the stack and answers what the task returned.
    ///
    /// # Errors
    ///
    /// What the task or a middleware further in returned as its error.
    pub async fn run(self, delivery: Delivery) -> Result<Output, BoxError> {
        self.call(delivery).await
    }

    /// Like [`run`](Self::run), for who keeps the stack.
    pub(crate) async fn call(&self, delivery: Delivery) -> Result<Output, BoxError> {
        match self.concerned(&delivery) {
            Inner::Task => call_task(delivery).await,
            Inner::Level(level) => level.execute(delivery).await,
        }
    }

    /// Like [`run`](Self::run), as something that can be stored and moved.
    pub(crate) fn start(&self, delivery: Delivery) -> BoxFuture<'static, Result<Output, BoxError>> {
        match self.concerned(&delivery) {
            Inner::Task => Box::pin(call_task(delivery)),
            Inner::Level(level) => level.execute(delivery),
        }
    }

    /// The first level from here on that is not passed by.
    fn concerned(&self, delivery: &Delivery) -> &Inner {
        let mut next = &self.inner;
        while let Inner::Level(level) = next
            && let Some(after) = level.passed_by(delivery)
        {
            next = &after.inner;
        }
        next
    }

    /// Whether a level reads what tasks return.
    pub(crate) fn reads_output(&self) -> bool {
        match &self.inner {
            Inner::Task => false,
            Inner::Level(level) => level.reads_output(),
        }
    }

    /// The same with a middleware around it.
    pub(crate) fn inside<M: Middleware>(self, middleware: Arc<M>) -> Self {
        Self::level(Around { middleware, next: self })
    }

    /// A tower service as a level; the rest is inside it already.
    pub(super) fn tower<S>(service: S) -> Self
    where
        S: Service<Delivery, Response = Output> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
    {
        Self::level(Tower(Mutex::new(service)))
    }

    fn level(level: impl Execute + 'static) -> Self {
        Self { inner: Inner::Level(Arc::new(level)) }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}

impl Service<Delivery> for Next {
    type Response = Output;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Output, BoxError>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        self.start(delivery)
    }
}

/// A [`Middleware`] around the rest.
struct Around<M> {
    middleware: Arc<M>,
    next: Next,
}

impl<M: Middleware> Execute for Around<M> {
    fn execute(&self, delivery: Delivery) -> BoxFuture<'static, Result<Output, BoxError>> {
        let middleware = Arc::clone(&self.middleware);
        let next = self.next.clone();
        Box::pin(async move { middleware.handle(delivery, next).await })
    }

    fn passed_by(&self, delivery: &Delivery) -> Option<&Next> {
        (!self.middleware.concerns(delivery)).then_some(&self.next)
    }

    fn reads_output(&self) -> bool {
        self.middleware.reads_output() || self.next.reads_output()
    }
}

/// A tower service around the rest. Services are cloned per call, as tower asks; the lock makes that possible for
/// services that are not `Sync` and is held for the clone only.
struct Tower<S>(Mutex<S>);

impl<S> Execute for Tower<S>
where
    S: Service<Delivery, Response = Output> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    fn execute(&self, delivery: Delivery) -> BoxFuture<'static, Result<Output, BoxError>> {
        let service = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move { service.oneshot(delivery).await.map_err(Into::into) })
    }
}
