//! [`Stack`]: levels in the order in which they are added, for who runs deliveries without a worker, such as tests of
//! middleware.
//!
//! A worker's own levels stand in zones: `middleware/worker_stack.rs`.

use std::fmt;
use std::sync::Arc;

use tower::{Layer, Service};

use super::level::{InvalidMiddleware, Level};
use super::{Middleware, Next};
use crate::BoxError;
use crate::task::{Delivery, Output};

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
        self.levels.push(Level::middleware(Arc::new(middleware)));
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
        L::Service: Service<Delivery, Response = Output> + Clone + Send + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send,
    {
        self.levels.push(Level::layer(layer));
        self
    }

    /// Takes away the levels of type `T`.
    #[must_use]
    pub fn without<T: 'static>(mut self) -> Self {
        self.levels.retain(|level| !level.is::<T>());
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

    /// Asks every middleware whether its settings make sense. A worker does so when it starts.
    ///
    /// # Errors
    ///
    /// The first one, from the outside, whose [`Middleware::check`] failed.
    pub fn check(&self) -> Result<(), InvalidMiddleware> {
        self.levels.iter().try_for_each(Level::check)
    }

    /// Builds the service.
    #[must_use]
    pub fn build(self) -> Next {
        Level::build(self.levels.into_iter())
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stack({} levels)", self.levels.len())
    }
}
