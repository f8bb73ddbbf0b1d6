//! LTQ: a lightweight, async-first task queue on Redis.

#[cfg(feature = "run")]
mod run;

pub use ltq_core::BoxError;
pub use ltq_core::broker::{BrokerError, ConnectOptions};
pub use ltq_core::client::{Client, SendError, connect};
pub use ltq_core::message::{DeadLetter, DeadReason, Message, MessageId};
pub use ltq_core::task::{Context, Delivery, RejectMessage, RetryMessage, State, Task, TaskError, TaskResult};
#[cfg(feature = "worker")]
pub use ltq_core::worker::{Shutdown, Worker, WorkerError};
pub use ltq_macros::task;
#[cfg(feature = "worker")]
pub use ltq_macros::worker;

#[cfg(feature = "run")]
pub use self::run::run;

/// Middleware: what happens around every execution.
#[cfg(feature = "worker")]
pub mod middleware {
    pub use ltq_core::middleware::*;
}

/// What generated code names. Not public API: anything here may change in any release.
#[doc(hidden)]
pub mod __private {
    pub use ltq_core::client::{SendError, current};
    pub use ltq_core::message::{Message, MessageId, decode_args};
    pub use ltq_core::task::private::{ResultReturned, Returned, ValueReturned};
    pub use ltq_core::task::{
        ArgDef, BackoffDef, Context, Decode, Decoded, Delivery, Encode, Encoded, Handler, Inject, InvalidArguments,
        NotDecoded, NotEncoded, Rate, Registry, State, StateDef, StateMap, Task, TaskDef, TaskEntry, argument, run,
        run_blocking,
    };
    #[cfg(feature = "worker")]
    pub use ltq_core::worker::{Worker, WorkerEntry};
    pub use ltq_core::{BoxError, BoxFuture};
    pub use {ltq_core::inventory, ltq_core::serde};

    #[cfg(feature = "run")]
    pub use crate::run::{Address, LogFormat, RunFlags, TaskPath, runner_main};
}

/// The code in the guide compiles.
#[cfg(all(doctest, feature = "worker"))]
#[doc = include_str!("../docs/middleware.md")]
mod middleware_guide {}
