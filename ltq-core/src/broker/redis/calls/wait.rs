//! Waiting for something to do, on connections of its own.
//!
//! A blocked connection can do nothing else, so each wait in progress has one to itself; it is kept for the next wait.
//! A program that only sends never opens one. The server ends a wait by itself after `at_most`; if it does not, the
//! connection is dead. It is thrown away, as after any other error, which also disarms the wait on the server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::broker::BrokerError;
use crate::broker::redis::link::command::Command;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::settings::Settings;
use crate::broker::redis::link::value::Value;

/// How much later than asked the server may answer before its connection is taken for dead.
const GRACE: Duration = Duration::from_secs(3);
/// The same where another server may take over.
const GRACE_WITH_SUCCESSOR: Duration = Duration::from_secs(1);
/// How long one piece of a wait is there.
const PIECE: Duration = Duration::from_secs(2);
/// How long to wait before keys that are moving are looked for again.
const MOVE_PAUSE: Duration = Duration::from_millis(20);
/// A wait of zero would last for ever on the server, and Redis 6.2 makes a zero of 0.001 seconds.
const SHORTEST: Duration = Duration::from_millis(2);
const CALL: &str = "wait";

/// The connections that wait, or have waited.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    idle: Mutex<Vec<Connection>>,
}

impl Waiters {
    /// Waits until one of the `keys` has a token and takes it; says which key.
    pub(crate) async fn wait(
        &self,
        settings: &Settings,
        keys: Vec<String>,
        at_most: Duration,
    ) -> Result<Option<usize>, BrokerError> {
        let until = Instant::now() + at_most.max(SHORTEST);
        let idle = self.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::open(settings, Duration::ZERO).await?,
        };
        // Where another server may take over, a wait at one that is frozen has to end soon: it is cut into pieces.
        let (longest, grace) =
            if settings.has_successor() { (PIECE, GRACE_WITH_SUCCESSOR) } else { (Duration::MAX, GRACE) };
        let key = loop {
            let left = until.saturating_duration_since(Instant::now()).clamp(SHORTEST, longest);
            match pop(&connection, &keys, left, grace).await? {
                None if Instant::now() < until => {}
                key => break key,
            }
        };
        self.lock().push(connection);
        let Some(key) = key else { return Ok(None) };
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
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole whatever happened to its last user.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key that had a token, or `None` when time is up.
async fn pop(
    connection: &Connection,
    keys: &[String],
    at_most: Duration,
    grace: Duration,
) -> Result<Option<bytes::Bytes>, BrokerError> {
    let [first, others @ ..] = keys else { return Ok(None) };
    let mut args: Vec<Value> = others.iter().map(|key| key.as_str().into()).collect();
    args.push(format!("{:.3}", at_most.as_secs_f64()).into());
    let command = Command::on(CALL, "BLPOP", first, args).blocking();
    match connection.command_once(&command, at_most + grace).await? {
        Some(mut popped) => popped.maybe_bytes(),
        // Who owns the keys is known by now, unless they are still on their way.
        None => {
            tokio::time::sleep(at_most.min(MOVE_PAUSE)).await;
            Ok(None)
        }
    }
}
