//! skeleton
use super::{Middleware, Next};
use crate::BoxError;
use crate::task::Delivery;

/// skeleton
#[derive(Debug, Clone, Default)]
pub struct Sentry;

impl Middleware for Sentry {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<(), BoxError> {
        next.run(delivery).await
    }
}
