//! The frozen partner: messages of version 1 and the first scripts, as they were when the format was settled.
//!
//! It shares no code with what it is the partner of, and is never changed together with it: what it reads and writes is in
//! queues and in programs that nobody updates. [`wire`] is held to the examples of `docs/wire-format.md`.

pub mod scripts;
pub mod wire;
mod worker;

pub use self::worker::GoldenWorker;
