//! The process-wide client, which `task.send(…)` uses.

use std::sync::{PoisonError, RwLock};

use super::Client;
use crate::broker::{BrokerError, DEFAULT_URL};

static CURRENT: RwLock<Option<Client>> = RwLock::new(None);

/// Connects and makes the result the process-wide client, in place of a former one.
///
/// # Errors
///
/// The address cannot be used or nothing answers there.
pub async fn connect(url: &str) -> Result<Client, BrokerError> {
    let client = Client::connect(url).await?;
    set_current(client.clone());
    Ok(client)
}

/// Makes `client` the process-wide client.
pub fn set_current(client: Client) {
    *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = Some(client);
}

/// The process-wide client; in a test that uses `ltq::testing`, the test's own. Where nobody connected, connects to `LTQ_URL`, else to [`DEFAULT_URL`].
///
/// # Errors
///
/// There was none and it could not be connected.
pub async fn current() -> Result<Client, BrokerError> {
    static CONNECTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    #[cfg(feature = "testing")]
    if let Some(bound) = super::testing::bound() {
        return Ok(bound.client);
    }
    if let Some(client) = existing() {
        return Ok(client);
    }
    let _connecting = CONNECTING.lock().await;
    if let Some(client) = existing() {
        return Ok(client);
    }
    let url = std::env::var("LTQ_URL").unwrap_or_else(|_| DEFAULT_URL.to_owned());
    connect(&url).await
}

fn existing() -> Option<Client> {
    CURRENT.read().unwrap_or_else(PoisonError::into_inner).clone()
}
