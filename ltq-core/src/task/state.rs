//! [`State`]: values a worker shares with its tasks, and the injection of arguments that are not payload.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{Context, Delivery};

/// A shared value, handed to the worker by `Worker::state` and injected into every task that asks for it.
///
/// Cheap to clone: clones share the value. It dereferences to the value.
pub struct State<T>(Arc<T>);

impl<T> State<T> {
    /// Wraps a value, for a plain call of a task.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// The shared value itself.
    #[must_use]
    pub fn into_shared(self) -> Arc<T> {
        self.0
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> From<Arc<T>> for State<T> {
    fn from(value: Arc<T>) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A shared value may hold credentials.
        write!(f, "State<{}>", std::any::type_name::<T>())
    }
}

/// The values a worker shares, one per type.
#[derive(Default, Clone)]
pub struct StateMap {
    values: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl StateMap {
    /// Adds a value; a second one of the same type replaces the first.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: Arc<T>) {
        self.values.insert(TypeId::of::<T>(), value);
    }

    /// Adds the values of `others` whose types are missing here.
    #[cfg(feature = "worker")]
    pub(crate) fn add_missing(&mut self, others: &Self) {
        for (type_id, value) in &others.values {
            self.values.entry(*type_id).or_insert_with(|| Arc::clone(value));
        }
    }

    /// The value of type `T`.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        let value = Arc::clone(self.values.get(&TypeId::of::<T>())?);
        value.downcast::<T>().ok().map(State)
    }

    /// Whether there is a value for what `def` describes.
    #[must_use]
    pub fn provides(&self, def: &StateDef) -> bool {
        self.values.contains_key(&(def.type_id)())
    }
}

impl fmt::Debug for StateMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateMap({} values)", self.values.len())
    }
}

/// One type a task needs from its worker.
#[derive(Debug, Clone, Copy)]
pub struct StateDef {
    type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
}

impl StateDef {
    /// The requirement of a `State<T>`. That `T` can be shared is asked for where it is injected, and only there.
    #[must_use]
    pub const fn of<T: 'static>() -> Self {
        Self { type_id: TypeId::of::<T>, type_name: std::any::type_name::<T> }
    }

    /// The type's name, for messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }
}

/// A task asks for a state its worker does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the task `{task}` needs `State<{type_name}>`, which this worker does not have: add `.state(…)` to the worker")]
#[non_exhaustive]
pub struct MissingState {
    /// The task's name.
    pub task: &'static str,
    /// The type that is missing.
    pub type_name: &'static str,
}

/// An argument that is injected instead of being sent: [`State`] and [`Context`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected into a task",
    label = "expected `ltq::Context`, or `ltq::State<T>` with a `T` that is `Send + Sync + 'static`",
    note = "an argument whose type is called `State` or `Context` is taken for ltq's: rename your own type in this signature"
)]
pub trait Inject: Sized {
    /// Takes the value out of a delivery.
    ///
    /// # Errors
    ///
    /// The worker has no such state. A worker checks this when it starts, so a task never sees it.
    fn inject(delivery: &Delivery) -> Result<Self, MissingState>;
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Inject for State<T> {
    fn inject(delivery: &Delivery) -> Result<Self, MissingState> {
        delivery
            .states()
            .get::<T>()
            .ok_or_else(|| MissingState { task: delivery.task().name, type_name: std::any::type_name::<T>() })
    }
}

impl Inject for Context {
    fn inject(delivery: &Delivery) -> Result<Self, MissingState> {
        Ok(delivery.context().clone())
    }
}
