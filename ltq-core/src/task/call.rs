//! What the handler of a task does with a delivery: decode the arguments, inject the rest, run, end.
//!
//! Generated code only hands in the user's function; every step is taken here, so a fix reaches every task without a
//! change in what the attribute emits. Decoding happens when the future is polled, not when it is made: whatever goes
//! wrong there goes wrong inside the middleware stack.
//!
//! Next: the user's function, then `task/returned.rs`.

use std::panic::resume_unwind;

use super::{Delivery, InvalidArguments, MissingState, Output};
use crate::client::scope::in_this_scope;
use crate::message::DecodeError;
use crate::{BoxError, BoxFuture};

/// Reads the arguments of a message.
type Decode<A> = fn(&[u8]) -> Result<A, DecodeError>;

/// Runs an async task: `start` injects and calls it, `end` reads what it returned and is told whether the value is wanted.
#[doc(hidden)]
pub fn run<A, F, S>(
    delivery: Delivery,
    decode: Decode<A>,
    start: S,
    end: fn(F::Output, bool) -> Result<Output, BoxError>,
) -> Handled
where
    A: 'static,
    F: Future + Send + 'static,
    S: FnOnce(&Delivery, A) -> Result<F, MissingState> + Send + 'static,
{
    Box::pin(async move {
        let is_wanted = delivery.wants_output();
        let future = prepare(delivery, decode, start)?;
        end(future.await, is_wanted)
    })
}

/// Runs a blocking task on tokio's blocking pool, inside the span of its execution and with the client of its worker:
/// `start` injects and returns the call, which is told whether the value is wanted.
///
/// A panic goes on where the result is awaited, as if the task were async. Dropping the future does not stop the call:
/// a thread cannot be stopped from outside.
#[doc(hidden)]
pub fn run_blocking<A, W, S>(delivery: Delivery, decode: Decode<A>, start: S) -> Handled
where
    A: 'static,
    W: FnOnce(bool) -> Result<Output, BoxError> + Send + 'static,
    S: FnOnce(&Delivery, A) -> Result<W, MissingState> + Send + 'static,
{
    Box::pin(async move {
        let is_wanted = delivery.wants_output();
        let work = prepare(delivery, decode, start)?;
        let span = tracing::Span::current();
        match tokio::task::spawn_blocking(in_this_scope(move || span.in_scope(|| work(is_wanted)))).await {
            Ok(ended) => ended,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(cancelled) => Err(cancelled.into()),
            },
        }
    })
}

/// What a handler returns.
type Handled = BoxFuture<'static, Result<Output, BoxError>>;

/// Everything up to the call. The delivery, and the bytes of the message with it, is let go before the task runs.
fn prepare<A, R, S>(delivery: Delivery, decode: Decode<A>, start: S) -> Result<R, BoxError>
where
    S: FnOnce(&Delivery, A) -> Result<R, MissingState>,
{
    let args = decode(delivery.args()).map_err(|source| InvalidArguments::new(delivery.task().name, source))?;
    let started = start(&delivery, args)?;
    drop(delivery);
    Ok(started)
}
