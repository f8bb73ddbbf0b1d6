//! [`Delivery`]: one message handed to one execution; the request of the middleware stack.
//!
//! Next: `middleware/next.rs`, outermost layer first.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{Context, StateMap, TaskDef};

/// One message on its way through the middleware to its task.
#[derive(Clone)]
pub struct Delivery {
    context: Context,
    def: &'static TaskDef,
    args: Bytes,
    states: Arc<StateMap>,
    wants_output: bool,
}

impl Delivery {
    /// A delivery of `args`, a MessagePack map, to the task `def`; the worker's way to make one.
    #[doc(hidden)]
    #[must_use]
    pub fn new(def: &'static TaskDef, context: Context, args: Bytes, states: Arc<StateMap>) -> Self {
        Self { context, def, args, states, wants_output: true }
    }

    /// The same, for who has no use for what the task returns: the output is then `()`, whatever the value was.
    #[must_use]
    pub fn without_output(mut self) -> Self {
        self.wants_output = false;
        self
    }

    /// The context the task sees: id, attempt, cancellation, the carried map.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The task that is about to run, with its options.
    #[must_use]
    pub fn task(&self) -> &'static TaskDef {
        self.def
    }

    /// The encoded arguments: a MessagePack map from name to value. They may hold secrets: do not log them unasked.
    #[must_use]
    pub fn args(&self) -> &Bytes {
        &self.args
    }

    /// Whether anybody has a use for what the task returns.
    pub(super) fn wants_output(&self) -> bool {
        self.wants_output
    }

    /// What the worker shares with its tasks.
    #[must_use]
    pub fn states(&self) -> &StateMap {
        &self.states
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("task", &self.def.name)
            .field("context", &self.context)
            .field("args", &format_args!("{} bytes", self.args.len()))
            .finish()
    }
}
