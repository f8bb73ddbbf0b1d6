//! The way to the server: address, settings, TLS, connections, errors, script calls. Knows nothing of queues, and is the
//! only room that names the Redis client.

pub(crate) mod connect;
pub(crate) mod error;
pub(crate) mod script;
pub(crate) mod settings;
#[cfg(feature = "testing")]
mod test_clock;
#[cfg(feature = "tls")]
mod tls;
