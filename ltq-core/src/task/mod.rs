//! Tasks: what `#[ltq::task]` describes, and how a typed function is called with the bytes of a message.
//!
//! The attribute only describes: everything it generates is a [`TaskDef`] built from constants, a struct for the
//! arguments, and calls into this module.

mod call;
mod context;
mod def;
mod delivery;
mod outcome;
mod output;
mod payload;
mod registry;
#[doc(hidden)]
pub mod returned;
mod state;

pub use self::call::{run, run_blocking};
#[cfg(feature = "worker")]
pub(crate) use self::context::Origin;
pub use self::context::{Context, ContextBuilder};
pub use self::def::{ArgDef, BackoffDef, Handler, Rate, TaskDef, TaskOptions};
pub use self::delivery::Delivery;
pub use self::outcome::{
    Failure, IntoTaskError, InvalidArguments, MessageExpired, RejectMessage, RetryMessage, TaskError, TaskPanicked,
    TaskResult,
};
pub use self::output::{Output, OutputError, TaskOutput};
pub use self::payload::{
    Argument, Decode, Decoded, DefaultArgument, Encode, Encoded, NotDecoded, NotEncoded, OrDefault, argument,
};
pub use self::registry::{DuplicateTask, Registry, TaskEntry};
pub use self::state::{Inject, MissingState, State, StateDef, StateMap};

/// What the struct emitted by `#[ltq::task]` implements: the way from the type to its description and to what it returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    label = "expected the name of a function with `#[ltq::task]` on it",
    note = "write the name alone, such as `fetch_repo`: with parentheses it is a call, and its result is no task"
)]
pub trait Task: Copy + Send + Sync + 'static {
    /// What the function returns on success: the `T` of a `Result<T, E>`, else the value itself.
    type Output;

    /// The description that is also registered under the task's name.
    const DEF: &'static TaskDef;
}
