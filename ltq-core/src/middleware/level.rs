//! [`Level`]: one middleware or layer that has not been put around anything yet.
//!
//! It forgets the type of what it holds and keeps its [`TypeId`], by which a level is found, replaced and taken away.

use std::any::{TypeId, type_name};
use std::sync::Arc;

use tower::{Layer, Service};

use super::{Middleware, Next};
use crate::BoxError;
use crate::task::{Delivery, Output};

/// A level of a stack that is still being put together.
pub(super) struct Level {
    type_id: TypeId,
    check: Option<Check>,
    wrap: Wrap,
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

impl Level {
    /// A level around a middleware that others may share.
    pub(super) fn middleware<M: Middleware>(middleware: Arc<M>) -> Self {
        let checked = Arc::clone(&middleware);
        Self {
            type_id: TypeId::of::<M>(),
            check: Some(Box::new(move || {
                checked.check().map_err(|source| InvalidMiddleware { middleware: type_name::<M>(), source })
            })),
            wrap: Box::new(move |next| next.inside(middleware)),
        }
    }

    /// A level of the service that a layer of tower makes.
    pub(super) fn layer<L>(layer: L) -> Self
    where
        L: Layer<Next> + Send + 'static,
        L::Service: Service<Delivery, Response = Output> + Clone + Send + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send,
    {
        Self { type_id: TypeId::of::<L>(), check: None, wrap: Box::new(move |next| Next::tower(layer.layer(next))) }
    }

    /// Whether it holds a middleware or layer of the type `T`.
    pub(super) fn is<T: 'static>(&self) -> bool {
        self.type_id == TypeId::of::<T>()
    }

    /// Asks the middleware whether its settings make sense.
    pub(super) fn check(&self) -> Result<(), InvalidMiddleware> {
        self.check.as_ref().map_or(Ok(()), |check| check())
    }

    /// Puts `levels`, outermost first, around the task.
    pub(super) fn build(levels: impl DoubleEndedIterator<Item = Self>) -> Next {
        levels.rev().fold(Next::task(), |next, level| (level.wrap)(next))
    }
}
