//! Waiting for something to do, on connections of its own.
//!
//! A blocked connection can do nothing else, so each wait in progress has one to itself; it is kept for the next wait.
//! A program that only sends never opens one. The server ends a wait by itself after `at_most`; if it does not, the
//! connection is dead. It is thrown away, as after any other error, which also disarms the wait on the server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, Value};

use super::connect::Connection;
use super::settings::Settings;
use crate::broker::BrokerError;

/// How much later than asked the server may answer before its connection is taken for dead.
const GRACE: Duration = Duration::from_secs(3);
/// A wait of zero would last for ever on the server, and Redis 6.2 makes a zero of 0.001 seconds.
const SHORTEST: Duration = Duration::from_millis(2);
const CALL: &str = "wait";

/// The connections that wait, or have waited.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    idle: Mutex<Vec<Connection>>,
}

impl Waiters {
    /// Waits until one of the `keys` has a token and takes it; says which key.
    pub(super) async fn wait(
        &self,
        settings: &Settings,
        keys: Vec<String>,
        at_most: Duration,
    ) -> Result<Option<usize>, BrokerError> {
        let at_most = at_most.max(SHORTEST);
        let idle = self.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::open(settings, Duration::ZERO).await?,
        };
        let answer = pop(&connection, &keys, at_most).await;
        if answer.is_ok() {
            self.lock().push(connection);
        }
        let Some(key) = answer? else { return Ok(None) };
        match keys.iter().position(|wanted| wanted.as_bytes() == key.as_ref()) {
            Some(index) => Ok(Some(index)),
            None => Err(BrokerError::Protocol {
                address: settings.address().to_owned(),
                call: CALL,
                reason: "a key that nobody waits for".to_owned(),
            }),
        }
    }

    /// Throws the idle connections away.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole whatever happened to its last user.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key that had a token, or `None` when time is up.
async fn pop(connection: &Connection, keys: &[String], at_most: Duration) -> Result<Option<bytes::Bytes>, BrokerError> {
    // The raw command, because the client reports the end of a wait with the same error as a connection that is dead.
    let command = CustomCommand::new_static("BLPOP", ClusterHash::FirstKey, true);
    let mut args: Vec<Value> = keys.iter().map(|key| key.as_str().into()).collect();
    args.push(format!("{:.3}", at_most.as_secs_f64()).into());
    let watchdog = at_most + GRACE;
    match tokio::time::timeout(watchdog, connection.client().custom::<Value, _>(command, args)).await {
        Ok(Ok(Value::Null)) => Ok(None),
        Ok(Ok(Value::Array(pair))) => Ok(pair.into_iter().next().and_then(Value::into_bytes)),
        Ok(Ok(_)) => Err(connection.odd_answer(CALL, "neither nothing nor a token")),
        Ok(Err(error)) => Err(connection.error(CALL, &error)),
        Err(_) => {
            let address = connection.address().to_owned();
            Err(BrokerError::Timeout { address, call: CALL, waited: watchdog })
        }
    }
}
