//! [`Produce`]: what a client asks of a broker.

use async_trait::async_trait;

use super::{BrokerError, Publish, Published};

/// Takes messages in.
#[async_trait]
pub trait Produce: Send + Sync {
    /// Puts a bulk on one queue: all of it or nothing.
    ///
    /// The calls of one producer to one queue come one after the other with growing sequence numbers. A number that is
    /// not higher than the last one seen MUST change nothing and get the same answers: it is a repeat whose reply was lost.
    ///
    /// # Cancel safety
    ///
    /// The bulk may or may not be on the queue if the future is dropped; repeating the call with its number is safe.
    async fn publish(&self, bulk: &Publish) -> Result<Published, BrokerError>;
}
