//! LTQ: a lightweight, async-first task queue on Redis.
//!
//! Put [`#[ltq::task]`](macro@task) on an async function. Any program that links it can *send* calls of it, with typed
//! arguments; *workers*, as many processes as you like, run them. Delivery is at least once: a message that was accepted
//! runs until it is done or a dead letter, whatever crashes.
//!
//! ```
//! use ltq::{State, TaskResult, Worker};
//! use tokio::sync::mpsc;
//!
//! #[ltq::task(queue = "greetings")]
//! async fn greet(letters: State<mpsc::UnboundedSender<String>>, name: String) -> TaskResult {
//!     letters.send(format!("Hello, {name}!"))?;
//!     Ok(())
//! }
//!
//! #[tokio::main]
//! async fn main() -> TaskResult {
//!     // A broker inside this process. With `redis://localhost:6379` nothing else changes.
//!     let client = ltq::connect("memory://").await?;
//!
//!     // The worker; usually a process of its own, started by `ltq run my_crate::worker`.
//!     let (sender, mut letters) = mpsc::unbounded_channel::<String>();
//!     let shutdown = ltq::Shutdown::new();
//!     let worker = Worker::new("greetings").state(sender).run_until(client, shutdown.clone());
//!     let worker = tokio::spawn(worker);
//!
//!     // Sending, from anywhere in the program.
//!     greet.send("Ada").await?;
//!     assert_eq!(letters.recv().await.as_deref(), Some("Hello, Ada!"));
//!
//!     shutdown.request();
//!     worker.await??;
//!     Ok(())
//! }
//! ```
//!
//! # Sending
//!
//! A task is a unit struct with the methods `send`, `send_bulk` and `message`; they take the arguments that travel, and
//! leave out those the worker injects ([`State`], [`Context`]). Inside a task they use the client of the worker that
//! runs it; everywhere else the process-wide one: the one [`connect`] made, else one for `LTQ_URL`, else for
//! `redis://localhost:6379`. Where a program wants no globals, it hands a [`Message`] to a [`Client`] of its own, and a
//! task that spawns others hands them [`Context::client`].
//!
//! ```
//! use std::time::Duration;
//! use ltq::{Client, TaskResult};
//!
//! #[ltq::task(queue = "mail")]
//! async fn welcome(user: u64, name: String) {}
//!
//! # #[tokio::main]
//! # async fn main() -> TaskResult {
//! let client = Client::connect("memory://sending").await?;
//!
//! let id = client.send(welcome.message(7, "Ada")).await?;
//! let later = client.send(welcome.message(8, "Grace").delay(Duration::from_secs(90))).await?;
//! let many = client.send_bulk((9..100).map(|user| welcome.message(user, "you"))).await?;
//!
//! let stats = client.queue("mail")?.stats().await?;
//! assert_eq!((stats.ready, stats.scheduled), (92, 1));
//! # Ok(())
//! # }
//! ```
//!
//! # Failing
//!
//! An error is tried again with growing delays while the task's attempts last; [`RetryMessage`] and [`RejectMessage`] say
//! more exactly what is to happen; a panic counts as an error. What cannot succeed becomes a [`DeadLetter`] with
//! its reason, which can be looked at, replayed and deleted: [`Queue::dead_letters`].
//!
//! ```
//! use std::time::Duration;
//! use ltq::{Context, RejectMessage, RetryMessage, TaskResult};
//!
//! #[ltq::task(max_attempts = 5, backoff = "1s..60s", timeout = "30s")]
//! async fn charge(ctx: Context, order: u64, cents: i64) -> TaskResult {
//!     if cents <= 0 {
//!         // Never tried again: a dead letter at once.
//!         Err(RejectMessage::new(format!("order {order} costs nothing")))?;
//!     }
//!     if ctx.attempt() == 1 {
//!         // Back on the queue, at a time this task chooses.
//!         Err(RetryMessage::new(Duration::from_secs(5), "the bank wants to be asked twice"))?;
//!     }
//!     // `?` works on any error; this one is tried again, after at most 1 s the first time.
//!     tokio::fs::metadata("/var/lib/till").await?;
//!     Ok(())
//! }
//!
//! # #[tokio::main]
//! # async fn main() {
//! // Without a queue a task is the function it was; handy in tests.
//! let result = charge(Context::detached(), 1, -5).await;
//! assert_eq!(result.unwrap_err().to_string(), "rejected: order 1 costs nothing");
//! # }
//! ```
//!
//! # Running
//!
//! [`Worker`] says which queues are served, how many tasks run at once, what they share and which [`middleware`]
//! surrounds them. `ltq run my_crate::worker`, of the package `ltq-cli`, finds the function marked
//! [`#[ltq::worker]`](macro@worker) and runs it with flags, logs and signals; a program with a `main` of its own calls
//! [`run()`] and has the same. An [`App`] is several workers in one process.
//!
//! # Features
//!
//! | feature | default | adds |
//! | --- | --- | --- |
//! | `redis` | yes | queues on Redis; without it there is `memory://` only |
//! | `tls` | yes | `rediss://` |
//! | `worker` | yes | [`Worker`] and [`middleware`]: all that executes tasks |
//! | `run` | yes | [`run()`], and what `ltq run` needs |
//! | `sentry` | no | the middleware `Sentry` |
//! | `testing` | no | `ltq::testing`, for your tests: put it into the dev-dependency |
//!
//! A program that only sends needs `default-features = false, features = ["redis"]`.

#[cfg(feature = "run")]
mod run;

pub use ltq_core::BoxError;
pub use ltq_core::broker::{BrokerError, DeadLimits, QueueCounts, QueueStats};
pub use ltq_core::client::{
    Client, ClientBuilder, DeadLetters, Queue, SendError, SendMiddleware, Sent, connect, current, set_current,
};
pub use ltq_core::message::{
    Arguments, Carried, CarriedError, DeadLetter, DeadReason, DecodeError, Durability, EncodeError, InvalidQueueName,
    Message, MessageId, ParseIdError,
};
pub use ltq_core::task::{
    Context, Delivery, DuplicateTask, InvalidArguments, MessageExpired, MissingState, Output, OutputError,
    RejectMessage, RetryMessage, State, Task, TaskDef, TaskError, TaskPanicked, TaskResult,
};
#[cfg(feature = "worker")]
pub use ltq_core::worker::{App, AppError, Health, IntoApp, NotReady, Shutdown, Worker, WorkerError};
pub use ltq_macros::task;
#[cfg(feature = "worker")]
pub use ltq_macros::worker;

#[cfg(feature = "run")]
pub use self::run::run;

/// Middleware: what happens around every execution.
#[cfg(feature = "worker")]
pub mod middleware {
    #[cfg(feature = "sentry")]
    pub use ltq_core::middleware::Sentry;
    pub use ltq_core::middleware::{
        Elapsed, Failure, InvalidMiddleware, InvalidRate, MaxAge, Middleware, Next, Rate, RateLimit, Retry, Timeout,
    };
    pub use ltq_core::task::{ArgDef, BackoffDef, StateMap, TaskOptions};
}

/// For tests of code that sends, and of tasks: a queue per test, assertions, running what was sent.
#[cfg(feature = "testing")]
pub mod testing {
    pub use ltq_core::testing::{
        ContextBuilder, Enqueued, Outcome, Report, Run, TestQueue, assert_enqueued, assert_not_enqueued, context, queue,
    };
}

/// What generated code names. Not public API: anything here may change in any release.
#[doc(hidden)]
pub mod __private {
    pub use ltq_core::client::{SendError, current};
    pub use ltq_core::message::{Message, MessageId, decode_args};
    pub use ltq_core::task::returned::{Kind, NotResult, Returned, end};
    pub use ltq_core::task::{
        ArgDef, BackoffDef, Context, Decode, Decoded, DefaultArgument, Delivery, Encode, Encoded, Handler, Inject,
        InvalidArguments, NotDecoded, NotEncoded, OrDefault, Rate, Registry, State, StateDef, StateMap, Task, TaskDef,
        TaskEntry, argument, run, run_blocking,
    };
    #[cfg(feature = "worker")]
    pub use ltq_core::worker::{App, IntoApp, WorkerEntry};
    pub use ltq_core::{BoxError, BoxFuture};
    pub use {ltq_core::inventory, ltq_core::serde};

    #[cfg(feature = "run")]
    pub use crate::run::{Address, LogFormat, RunFlags, TaskPath, runner_main, worker_main};
    #[cfg(feature = "run")]
    pub use ltq_core::broker::DEFAULT_URL;
}

/// The code in the documents compiles.
#[cfg(all(doctest, feature = "run"))]
mod documents {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/deployment.md")]
    mod deployment {}
    #[doc = include_str!("../docs/errors-and-retries.md")]
    mod errors_and_retries {}
    #[doc = include_str!("../docs/getting-started.md")]
    mod getting_started {}
    #[doc = include_str!("../docs/middleware.md")]
    mod middleware {}
    #[doc = include_str!("../docs/reliability.md")]
    mod reliability {}
    #[doc = include_str!("../docs/scaling.md")]
    mod scaling {}
    #[doc = include_str!("../docs/tasks.md")]
    mod tasks {}
    #[doc = include_str!("../docs/workers.md")]
    mod workers {}
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/testing.md")]
    mod testing {}
}
