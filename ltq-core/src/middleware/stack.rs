//! [`Stack`]: builds the one service every delivery goes through. The only generic corner: past it everything is boxed.
//!
//! A level that a delivery does not concern is stepped over, and the task itself is called without a box: most tasks use
//! few of the options, and an allocation per level and message would be a good part of what a small task costs.
//!
//! Next: `middleware/catch_panic.rs`, the innermost level.

use std::any::TypeId;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};

use tower::{Layer, Service, ServiceExt as _};

use super::Middleware;
use super::catch_panic::call_task;
use crate::task::Delivery;
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
    fn execute(&self, delivery: Delivery) -> BoxFuture<'static, Result<(), BoxError>>;

    /// What comes after this level, if it is of no concern to `delivery`.
    fn passed_by(&self, delivery: &Delivery) -> Option<&Next> {
        let _ = delivery;
        None
    }
}

impl Next {
    /// The innermost level: calls the task's own handler and turns its panic into the error
    /// [`TaskPanicked`](crate::task::TaskPanicked).
    #[must_use]
    pub fn task() -> Self {
        Self { inner: Inner::Task }
    }

    /// Runs the rest of the stack.
    ///
    /// # Errors
    ///
    /// What the task or a middleware further in returned.
    pub async fn run(self, delivery: Delivery) -> Result<(), BoxError> {
        self.call(delivery).await
    }

    /// Like [`run`](Self::run), for who keeps the stack.
    pub(crate) async fn call(&self, delivery: Delivery) -> Result<(), BoxError> {
        match self.concerned(&delivery) {
            Inner::Task => call_task(delivery).await,
            Inner::Level(level) => level.execute(delivery).await,
        }
    }

    /// Like [`run`](Self::run), as something that can be stored and moved.
    pub(crate) fn start(&self, delivery: Delivery) -> BoxFuture<'static, Result<(), BoxError>> {
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

    fn level(level: impl Execute + 'static) -> Self {
        Self { inner: Inner::Level(Arc::new(level)) }
    }

    /// The same with one more level around it.
    #[cfg(feature = "testing")]
    pub(crate) fn inside<M: Middleware>(self, middleware: Arc<M>) -> Self {
        Self::level(Around { middleware, next: self })
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
        self.start(delivery)
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

    fn passed_by(&self, delivery: &Delivery) -> Option<&Next> {
        (!self.middleware.concerns(delivery)).then_some(&self.next)
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

/// On which side of another level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Outside it: a delivery meets the new level first.
    Before,
    /// Inside it.
    After,
}

/// A level that has not been put around anything yet.
pub(super) struct Level {
    type_id: TypeId,
    /// Whether a worker began with it, so that one of the same type takes its place.
    built_in: bool,
    check: Option<Check>,
    wrap: Wrap,
}

impl Level {
    /// A level of its own around a middleware that others may share.
    pub(super) fn of<M: Middleware>(middleware: Arc<M>) -> Self {
        let checked = Arc::clone(&middleware);
        Self {
            type_id: TypeId::of::<M>(),
            built_in: false,
            check: Some(Box::new(move || {
                checked.check().map_err(|source| InvalidMiddleware { middleware: std::any::type_name::<M>(), source })
            })),
            wrap: Box::new(move |next| Next::level(Around { middleware, next })),
        }
    }
}

type Check = Box<dyn Fn() -> Result<(), InvalidMiddleware> + Send>;
type Wrap = Box<dyn FnOnce(Next) -> Next + Send>;

/// A middleware has settings it cannot work with.
#[derive(Debug, thiserror::Error)]
#[error("the middleware `{middleware}` cannot be used")]
#[non_exhaustive]
pub struct InvalidMiddleware {
    /// The name of its type.
    pub middleware: &'static str,
    /// Which setting, what it is, what it must be.
    pub source: BoxError,
}

/// The levels of a stack, outermost first.
#[derive(Default)]
pub struct Stack {
    levels: Vec<Level>,
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
        self.levels.push(Level::of(Arc::new(middleware)));
        self
    }

    /// Adds a layer of tower inside those already there.
    ///
    /// Every level says it is ready at once, so a layer that acts on the readiness of another, like `LoadShedLayer` on
    /// `ConcurrencyLimitLayer`, is added together with it as one layer: `.layer((shed, limit))`.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Next> + Send + 'static,
        L::Service: Service<Delivery, Response = ()> + Clone + Send + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send,
    {
        self.levels.push(Level {
            type_id: TypeId::of::<L>(),
            built_in: false,
            check: None,
            wrap: Box::new(move |next| Next::level(Tower(Mutex::new(layer.layer(next))))),
        });
        self
    }

    /// Takes away the levels of type `T`.
    #[must_use]
    pub fn without<T: 'static>(mut self) -> Self {
        self.levels.retain(|level| level.type_id != TypeId::of::<T>());
        self
    }

    /// Marks all levels as those a worker begins with.
    pub(super) fn built_in(mut self) -> Self {
        self.levels.iter_mut().for_each(|level| level.built_in = true);
        self
    }

    /// Takes away the levels a worker began with, all or those of one type.
    pub(super) fn remove_built_in(&mut self, type_id: Option<TypeId>) {
        self.levels.retain(|level| !level.built_in || type_id.is_some_and(|type_id| level.type_id != type_id));
    }

    /// Puts what `make` makes in the place of the built-in level of the type `T`, if there is one.
    pub(super) fn replace_built_in<T: 'static>(&mut self, make: impl Fn() -> Level) {
        for level in &mut self.levels {
            if level.built_in && level.type_id == TypeId::of::<T>() {
                *level = make();
            }
        }
    }

    /// Puts a level directly outside the outermost one of the type `T`, or directly inside the innermost one. Where there
    /// is none the level comes back.
    pub(super) fn insert<T: 'static>(&mut self, side: Side, level: Level) -> Result<(), Level> {
        let mut levels = self.levels.iter();
        let is_t = |level: &Level| level.type_id == TypeId::of::<T>();
        let index = match side {
            Side::Before => levels.position(is_t),
            Side::After => levels.rposition(is_t).map(|index| index + 1),
        };
        let Some(index) = index else { return Err(level) };
        self.levels.insert(index, level);
        Ok(())
    }

    /// Adds a level inside those already there.
    pub(super) fn push(&mut self, level: Level) {
        self.levels.push(level);
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

    /// Asks every middleware whether its settings make sense. A worker does so when it starts.
    ///
    /// # Errors
    ///
    /// The first one, from the outside, whose [`Middleware::check`] failed.
    pub fn check(&self) -> Result<(), InvalidMiddleware> {
        self.levels.iter().filter_map(|level| level.check.as_ref()).try_for_each(|check| check())
    }

    /// Builds the service.
    #[must_use]
    pub fn build(self) -> Next {
        self.levels.into_iter().rev().fold(Next::task(), |next, level| (level.wrap)(next))
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stack({} levels)", self.levels.len())
    }
}
