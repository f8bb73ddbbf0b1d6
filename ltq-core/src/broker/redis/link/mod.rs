//! The way to the server: address, settings, TLS, connections, errors, script calls. Knows nothing of queues, and is the
//! only room that names the Redis client.

mod address;
mod cluster;
pub(crate) mod command;
pub(crate) mod connect;
mod error;
mod node;
mod request;
pub(crate) mod script;
pub(crate) mod settings;
#[cfg(feature = "testing")]
mod test_clock;
#[cfg(feature = "tls")]
mod tls;
mod topology;
pub(crate) mod value;
