//! skeleton
use super::{Middleware, Next};
use crate::BoxError;
use crate::task::Delivery;

/// skeleton
#[derive(Debug, Clone, Default)]
pub struct RateLimit;

impl Middleware for RateLimit {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<(), BoxError> {
        next.run(delivery).await
    }
}
