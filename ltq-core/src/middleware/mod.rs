//! Middleware: what happens around every execution.
//!
//! The stack is tower: layers around a service that takes a [`Delivery`] and answers what the task returned, an
//! [`Output`], or an error. The friendly way to write one is the trait [`Middleware`]; tower's own layers fit too (`Worker::layer`).
//!
//! The first one added is the outermost: it sees the delivery first and the error last. With
//! `.middleware(A).middleware(B)` a delivery passes A, B, the task, then its result passes B, A.
//!
//! Middleware never talks to a broker. It changes the outcome: another output takes the place of the task's, returning [`RetryMessage`](crate::task::RetryMessage)
//! puts the message back, returning [`RejectMessage`](crate::task::RejectMessage) ends it, any other error makes it a
//! dead letter unless a [`Retry`] further out turns it into a retry.

mod catch_panic;
mod level;
mod max_age;
mod next;
mod rate_limit;
mod retry;
#[cfg(feature = "sentry")]
mod sentry;
mod stack;
mod timeout;
mod worker_stack;

pub use self::level::InvalidMiddleware;
pub use self::max_age::MaxAge;
pub use self::next::Next;
pub use self::rate_limit::{InvalidRate, RateLimit};
pub use self::retry::Retry;
#[cfg(feature = "sentry")]
pub use self::sentry::Sentry;
pub use self::stack::Stack;
pub use self::timeout::{Elapsed, Timeout};
pub(crate) use self::worker_stack::{Side, WorkerStack};

use crate::BoxError;
use crate::task::{Delivery, Output};
// Who writes or sets up middleware needs these two, and nobody else does.
pub use crate::task::{Failure, Rate};

/// Something that happens around every execution.
///
/// ```
/// use ltq_core::BoxError;
/// use ltq_core::middleware::{Middleware, Next};
/// use ltq_core::task::{Delivery, Output};
///
/// struct Shout;
///
/// impl Middleware for Shout {
///     async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
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
    fn handle(&self, delivery: Delivery, next: Next) -> impl Future<Output = Result<Output, BoxError>> + Send;

    /// Whether `delivery` needs this middleware at all; where not, [`handle`](Self::handle) is not called and the next
    /// level follows at no cost. It is a shortcut: answering `true`, the default, is always right.
    fn concerns(&self, delivery: &Delivery) -> bool {
        let _ = delivery;
        true
    }

    /// Whether it looks at what tasks return. Where no middleware of a worker does and nobody keeps the result, the value
    /// is dropped where it is returned and the output is `()`. Asked once when the worker starts; like
    /// [`concerns`](Self::concerns) it is a shortcut: `true`, the default, is always right.
    fn reads_output(&self) -> bool {
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
