//! The library behind `ltq`: everything but the attributes and the command line.
//!
//! Users depend on the facade package `ltq`, which re-exports what is meant for them; this crate is where it lives.
//! Modules are listed in the order in which they build on each other:
//!
//! 1. [`message`] — what a user builds, the envelope that travels, its bytes.
//! 2. [`broker`] — the narrow contract with whatever stores the messages; in memory and on Redis.
//! 3. [`client`] — sending.
//! 4. [`task`] — what `#[ltq::task]` describes and how a typed function is called.
//! 5. [`middleware`] — the stack around every execution.
//! 6. [`worker`] — fetch, execute, settle, and the duties that keep a worker honest.
//! 7. `testing` (feature) — what users' tests need: a queue per test, and a worker driven by hand.
//!
//! A module may use those above it, never one below.

pub mod message;

pub mod broker;

pub mod client;

pub mod task;

#[cfg(feature = "worker")]
pub mod middleware;

#[cfg(feature = "worker")]
pub mod worker;

#[cfg(feature = "testing")]
pub mod testing;

/// Any error, as tower and this crate's middleware pass it on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[doc(hidden)]
pub use {inventory, serde};
