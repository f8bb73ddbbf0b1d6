//! Which client `task.send(…)` uses: that of the worker around it, else the process-wide one.

use std::sync::{PoisonError, RwLock};

use super::Client;
use super::scope::scoped;
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

/// Makes `client` the process-wide client. A task that runs goes on with the client of its worker.
pub fn set_current(client: Client) {
    *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = Some(client);
}

/// The client that `task.send(…)` uses here: inside a task that a worker runs, the client of that worker; in a test that
/// uses `ltq::testing`, the test's own; everywhere else the process-wide one. Where nobody has connected that, it is
/// connected to `LTQ_URL`, else to [`DEFAULT_URL`].
///
/// What a task spawns with `tokio::spawn` is no longer inside the task: hand it the client of
/// [`Context::client`](crate::task::Context::client).
///
/// # Errors
///
/// There was none and it could not be connected.
pub async fn current() -> Result<Client, BrokerError> {
    static CONNECTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
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
    if let Some(client) = scoped() {
        return Some(client);
    }
    #[cfg(feature = "testing")]
    if let Some(bound) = super::testing::bound() {
        return Some(bound.client);
    }
    CURRENT.read().unwrap_or_else(PoisonError::into_inner).clone()
}
