//! The way to the server: address, settings, TLS, connections, errors, script calls. Knows nothing of queues, and is the
//! only room that names the Redis client.

mod address;
pub(crate) mod command;
pub(crate) mod connect;
mod error;
pub(crate) mod script;
pub(crate) mod settings;
#[cfg(feature = "testing")]
mod test_clock;
#[cfg(feature = "tls")]
mod tls;
pub(crate) mod value;
