//! The worker: takes messages, runs their tasks, settles them.
//!
//! [`Worker`] is the builder users write, [`App`] several of them in one process. What happens when it runs is in
//! `run.rs` (the parts), `fetch.rs` (the loop), `rota.rs` (which queue is asked next), `pool.rs` (the slots), `execute.rs`
//! (one delivery) and `settle.rs` (how it leaves the worker's hands).

mod ahead;
mod app;
mod builder;
mod check;
mod entry;
mod error;
mod execute;
mod fetch;
mod health;
mod heartbeat;
mod lines;
mod membership;
mod options;
mod own_runtime;
mod pool;
mod record;
mod recover;
mod rota;
mod run;
mod served;
mod settle;
mod shares;
mod shutdown;
mod start;
#[cfg(feature = "testing")]
pub(crate) mod steps;
mod wait;

pub use self::app::{App, AppError, IntoApp};
pub use self::builder::Worker;
pub use self::entry::WorkerEntry;
pub use self::error::WorkerError;
pub use self::health::{Health, NotReady};
pub use self::options::WorkerOptions;
pub use self::shutdown::Shutdown;
#[cfg(feature = "testing")]
pub use self::steps::{Outcome, Run};
