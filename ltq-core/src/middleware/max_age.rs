//! [`MaxAge`]: a message that waited too long ends instead of running.

use std::time::Duration;

use super::{Middleware, Next};
use crate::BoxError;
use crate::task::{Delivery, MessageExpired, Output};

/// Ends messages that are older than they may be, as dead letters marked expired.
///
/// The limit is the message's own `max_age`, else the task's; without either a message never expires. Age is the
/// broker's clock when the message was taken less the sender's clock when it was built.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct MaxAge;

impl MaxAge {
    /// The middleware; it has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Middleware for MaxAge {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        if let Some(max_age) = limit_of(&delivery) {
            let age = delivery.context().age();
            if age > max_age {
                return Err(MessageExpired { age, max_age }.into());
            }
        }
        next.run(delivery).await
    }

    fn concerns(&self, delivery: &Delivery) -> bool {
        limit_of(delivery).is_some()
    }

    fn reads_output(&self) -> bool {
        false
    }
}

fn limit_of(delivery: &Delivery) -> Option<Duration> {
    delivery.context().max_age().or(delivery.task().options.max_age)
}
