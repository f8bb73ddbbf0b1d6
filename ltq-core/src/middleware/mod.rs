//! Middleware: what happens around every execution.
//!
//! The stack is tower: layers around a service that takes a [`Delivery`] and answers nothing or an error. The friendly
//! way to write one is the trait [`Middleware`]; tower's own layers fit too (`Worker::layer`).
//!
//! The first one added is the outermost: it sees the delivery first and the error last. With
//! `.middleware(A).middleware(B)` a delivery passes A, B, the task, then its result passes B, A.
//!
//! Middleware never talks to a broker. It changes the outcome: returning [`RetryMessage`](crate::task::RetryMessage)
//! puts the message back, returning [`RejectMessage`](crate::task::RejectMessage) ends it, any other error makes it a
//! dead letter unless a [`Retry`] further out turns it into a retry.

mod catch_panic;
mod max_age;
mod rate_limit;
mod retry;
#[cfg(feature = "sentry")]
mod sentry;
mod stack;
mod timeout;
mod worker_stack;

pub use self::max_age::MaxAge;
pub use self::rate_limit::{InvalidRate, RateLimit};
pub use self::retry::Retry;
#[cfg(feature = "sentry")]
pub use self::sentry::Sentry;
pub(crate) use self::stack::Side;
pub use self::stack::{InvalidMiddleware, Next, Stack};
pub use self::timeout::{Elapsed, Timeout};
pub(crate) use self::worker_stack::WorkerStack;

use crate::BoxError;
use crate::task::Delivery;
// Who writes or sets up middleware needs these two, and nobody else does.
pub use crate::task::{Failure, Rate};

/// Something that happens around every execution.
///
/// ```
/// use ltq_core::BoxError;
/// use ltq_core::middleware::{Middleware, Next};
/// use ltq_core::task::Delivery;
///
/// struct Shout;
///
/// impl Middleware for Shout {
///     async fn handle(&self, delivery: Delivery, next: Next) -> Result<(), BoxError> {
///         let id = delivery.context().id();
///         let result = next.run(delivery).await;
///         eprintln!("{id} ended: {}", if result.is_ok() { "well" } else { "badly" });
///         result
///     }
/// }
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Handles one delivery. It may look at it, run the rest of the stack with [`Next::run`] or not, and change the
    /// result.
    fn handle(&self, delivery: Delivery, next: Next) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Whether `delivery` needs this middleware at all; where not, [`handle`](Self::handle) is not called and the next
    /// level follows at no cost. It is a shortcut: answering `true`, the default, is always right.
    fn concerns(&self, delivery: &Delivery) -> bool {
        let _ = delivery;
        true
    }

    /// Whether the settings make sense; asked once when the worker starts.
    ///
    /// # Errors
    ///
    /// They do not: the error says which one, what it is and what it must be, and the worker does not start.
    fn check(&self) -> Result<(), BoxError> {
        Ok(())
    }
}
