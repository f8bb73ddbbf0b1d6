//! skeleton
use super::{Middleware, Next};
use crate::BoxError;
use crate::task::Delivery;

/// skeleton
#[derive(Debug, Clone, Default)]
pub struct Timeout;

impl Middleware for Timeout {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<(), BoxError> {
        next.run(delivery).await
    }
}
/// skeleton
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Elapsed;
