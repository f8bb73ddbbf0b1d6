//! [`BrokerAccess`]: the broker behind a client, for this workspace alone.
//!
//! The facade `ltq` does not export the trait, so its users see no broker and the contract with brokers may change in
//! any release. Tests, the bench and chaos name the brokers they work on.

use std::sync::Arc;

use super::{Client, ClientBuilder};
use crate::broker::Broker;

/// From a broker to its client and back.
pub trait BrokerAccess: Sized {
    /// A client of a broker that is already connected, with these settings.
    #[must_use]
    fn with_settings(settings: ClientBuilder, broker: Arc<dyn Broker>) -> Self;

    /// The same with the default settings.
    #[must_use]
    fn on(broker: Arc<dyn Broker>) -> Self {
        Self::with_settings(ClientBuilder::default(), broker)
    }

    /// The broker it sends to.
    #[must_use]
    fn broker(&self) -> &Arc<dyn Broker>;
}

impl BrokerAccess for Client {
    fn with_settings(settings: ClientBuilder, broker: Arc<dyn Broker>) -> Self {
        settings.on(broker)
    }

    fn broker(&self) -> &Arc<dyn Broker> {
        &self.inner.broker
    }
}
