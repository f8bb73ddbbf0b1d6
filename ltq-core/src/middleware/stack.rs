//! [`Stack`]: builds the one service every delivery goes through. The only generic corner: past it everything is boxed.
//!
//! Next: `task/def.rs`, the handler of the task.

use std::any::TypeId;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};

use tower::{Layer, Service, ServiceExt as _};

use super::Middleware;
use crate::task::Delivery;
use crate::{BoxError, BoxFuture};

/// The rest of the stack, ending in the task. Cheap to clone. It is a tower service itself, which is what the layers of
/// tower are put around.
#[derive(Clone)]
pub struct Next {
    inner: Arc<dyn Execute>,
}

/// One level of the stack, its type forgotten.
trait Execute: Send + Sync {
    fn execute(&self, delivery: Delivery) -> BoxFuture<'static, Result<(), BoxError>>;
}

impl Next {
    /// The innermost level: calls the task's own handler.
    #[must_use]
    pub fn task() -> Self {
        Self { inner: Arc::new(CallTask) }
    }

    /// Runs the rest of the stack.
    ///
    /// # Errors
    ///
    /// What the task or a middleware further in returned.
    pub async fn run(self, delivery: Delivery) -> Result<(), BoxError> {
        self.inner.execute(delivery).await
    }

    /// Like [`run`](Self::run), without the async wrapper.
    pub(crate) fn start(&self, delivery: Delivery) -> BoxFuture<'static, Result<(), BoxError>> {
        self.inner.execute(delivery)
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}

impl Service<Delivery> for Next {
    type Response = ();
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        self.inner.execute(delivery)
    }
}

struct CallTask;

impl Execute for CallTask {
    fn execute(&self, delivery: Delivery) -> BoxFuture<'static, Result<(), BoxError>> {
        (delivery.task().handler)(delivery)
    }
}

/// A [`Middleware`] around the rest.
struct Around<M> {
    middleware: Arc<M>,
    next: Next,
}

impl<M: Middleware> Execute for Around<M> {
    fn execute(&self, delivery: Delivery) -> BoxFuture<'static, Result<(), BoxError>> {
        let middleware = Arc::clone(&self.middleware);
        let next = self.next.clone();
        Box::pin(async move { middleware.handle(delivery, next).await })
    }
}

/// A tower service around the rest. Services are cloned per call, as tower asks; the lock makes that possible for
/// services that are not `Sync` and is held for the clone only.
struct Tower<S>(Mutex<S>);

impl<S> Execute for Tower<S>
where
    S: Service<Delivery, Response = ()> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    fn execute(&self, delivery: Delivery) -> BoxFuture<'static, Result<(), BoxError>> {
        let service = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move { service.oneshot(delivery).await.map_err(Into::into) })
    }
}

type Wrap = Box<dyn FnOnce(Next) -> Next + Send>;

/// The levels of a stack, outermost first.
#[derive(Default)]
pub struct Stack {
    levels: Vec<(TypeId, Wrap)>,
}

impl Stack {
    /// No levels: deliveries go straight to their tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a middleware inside those already there.
    #[must_use]
    pub fn middleware<M: Middleware>(mut self, middleware: M) -> Self {
        let middleware = Arc::new(middleware);
        self.levels
            .push((TypeId::of::<M>(), Box::new(move |next| Next { inner: Arc::new(Around { middleware, next }) })));
        self
    }

    /// Adds a layer of tower inside those already there.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Next> + Send + 'static,
        L::Service: Service<Delivery, Response = ()> + Clone + Send + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send,
    {
        self.levels.push((
            TypeId::of::<L>(),
            Box::new(move |next| Next { inner: Arc::new(Tower(Mutex::new(layer.layer(next)))) }),
        ));
        self
    }

    /// Takes away the levels of type `T`.
    #[must_use]
    pub fn without<T: 'static>(mut self) -> Self {
        self.levels.retain(|(level, _)| *level != TypeId::of::<T>());
        self
    }

    /// All levels of `self`, then all of `inner`.
    #[must_use]
    pub fn then(mut self, inner: Self) -> Self {
        self.levels.extend(inner.levels);
        self
    }

    /// Whether it has no levels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Builds the service.
    #[must_use]
    pub fn build(self) -> Next {
        self.levels.into_iter().rev().fold(Next::task(), |next, (_, wrap)| wrap(next))
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stack({} levels)", self.levels.len())
    }
}
