//! skeleton

use super::*;
use std::sync::Arc;
/// skeleton
#[derive(Debug)]
pub struct RedisBroker;
impl RedisBroker {
    /// skeleton
    pub async fn connect(_url: &str, _options: &ConnectOptions) -> Result<Arc<dyn Broker>, BrokerError> {
        unimplemented!()
    }
}
