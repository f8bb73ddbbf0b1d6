//! What the handler of a task does with a delivery: decode the arguments, inject the rest, run, end.
//!
//! Generated code only hands in the user's function; every step is taken here, so a fix reaches every task without a
//! change in what the attribute emits. Decoding happens when the future is polled, not when it is made: whatever goes
//! wrong there goes wrong inside the middleware stack.
//!
//! Next: the user's function, then `task/outcome.rs`.

use std::panic::resume_unwind;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Delivery, InvalidArguments, MissingState, TaskDef};
use crate::message::{Message, decode_args};
use crate::{BoxError, BoxFuture};

/// A type that can be an argument of a task: it travels in the message, or is injected by the worker.
///
/// Implemented for everything that serde can write and read again and that owns what it holds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a task",
    label = "an argument travels in the message, so it needs `serde::Serialize` and `serde::Deserialize`",
    note = "derive both for a type of your own: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "a value of the worker, such as a database pool, is taken as `ltq::State<T>`",
    note = "an argument must own what it holds and be `Send`"
)]
pub trait Argument: Send + Sized + 'static {
    /// The type itself.
    type Value: Serialize + DeserializeOwned + Send + 'static;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Argument for T {
    type Value = T;
}

/// A message that calls the task `def` with `args`.
#[doc(hidden)]
pub fn message<A: Serialize>(def: &'static TaskDef, args: &A) -> Message {
    Message::new(def.name, def.queue, args)
}

/// Runs an async task: `start` injects and calls it, `end` reads what it returned.
#[doc(hidden)]
pub fn run<A, F, S>(delivery: Delivery, start: S, end: fn(F::Output) -> Result<(), BoxError>) -> Handled
where
    A: DeserializeOwned,
    F: Future + Send + 'static,
    S: FnOnce(&Delivery, A) -> Result<F, MissingState> + Send + 'static,
{
    Box::pin(async move {
        let future = prepare(delivery, start)?;
        end(future.await)
    })
}

/// Runs a blocking task on tokio's blocking pool, inside the span of its execution: `start` injects and returns the
/// call.
///
/// A panic goes on where the result is awaited, as if the task were async. Dropping the future does not stop the call:
/// a thread cannot be stopped from outside.
#[doc(hidden)]
pub fn run_blocking<A, W, S>(delivery: Delivery, start: S) -> Handled
where
    A: DeserializeOwned,
    W: FnOnce() -> Result<(), BoxError> + Send + 'static,
    S: FnOnce(&Delivery, A) -> Result<W, MissingState> + Send + 'static,
{
    Box::pin(async move {
        let work = prepare(delivery, start)?;
        let span = tracing::Span::current();
        match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
            Ok(ended) => ended,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(cancelled) => Err(cancelled.into()),
            },
        }
    })
}

/// What a handler returns.
type Handled = BoxFuture<'static, Result<(), BoxError>>;

/// Everything up to the call. The delivery, and the bytes of the message with it, is let go before the task runs.
fn prepare<A, R, S>(delivery: Delivery, start: S) -> Result<R, BoxError>
where
    A: DeserializeOwned,
    S: FnOnce(&Delivery, A) -> Result<R, MissingState>,
{
    let args =
        decode_args(delivery.args()).map_err(|source| InvalidArguments { task: delivery.task().name, source })?;
    let started = start(&delivery, args)?;
    drop(delivery);
    Ok(started)
}
