//! [`RedisWait`]: waiting for something to do, on a connection of its own.
//!
//! A blocked connection can do nothing else, so each wait has one to itself, from its first use on. A program that only
//! sends never opens one. The server ends a wait by itself after `at_most`; if it does not, the connection is dead. It is
//! thrown away, as after any other error, which also disarms the wait on the server.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::broker::redis::keys::QueueKeys;
use crate::broker::redis::link::command::Command;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::settings::Settings;
use crate::broker::redis::link::value::Value;
use crate::broker::{BrokerError, Wait};
use crate::message::QueueName;

/// How many connections the waits of one worker have at most, where one can watch several queues.
const MOST_CONNECTIONS: usize = 8;
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

/// The waits for these queues, which end with an error when `closed` is cancelled.
///
/// One wait can watch several queues of one server, but is then in the way of itself: it cannot watch another set before it
/// has ended, and the token of a queue that the worker has enough of ends it at once. So each queue gets a wait of its
/// own, up to a number of connections. In a cluster no command takes keys of several queues.
pub(crate) fn waits(settings: &Settings, closed: &CancellationToken, queues: &[QueueName]) -> Vec<Box<dyn Wait>> {
    let most = if settings.is_cluster() { queues.len() } else { MOST_CONNECTIONS };
    let mut dealt = vec![Vec::new(); most.min(queues.len())];
    let count = dealt.len();
    for (index, queue) in queues.iter().enumerate() {
        dealt[index % count].push(queue.clone());
    }
    let wait = |queues| Box::new(RedisWait::new(settings.clone(), closed.clone(), queues)) as Box<dyn Wait>;
    dealt.into_iter().map(wait).collect()
}

/// A wait for some queues of one server.
#[derive(Debug)]
struct RedisWait {
    settings: Settings,
    /// Ends the wait in progress.
    closed: CancellationToken,
    queues: Vec<QueueName>,
    /// Where the tokens of the queues are, with the numbers of the queues. The order changes: the server gives the token of
    /// the first key that has one.
    keys: VecDeque<(String, usize)>,
    /// None before the first wait, and after an error.
    connection: Option<Connection>,
}

impl RedisWait {
    fn new(settings: Settings, closed: CancellationToken, queues: Vec<QueueName>) -> Self {
        let namespace = &settings.options().namespace;
        let keys = queues.iter().enumerate().map(|(index, queue)| (QueueKeys::new(namespace, queue).wake(), index));
        let keys = keys.collect();
        Self { settings, closed, queues, keys, connection: None }
    }

    /// Waits until one of the keys has a token and takes it; says of which queue.
    async fn token(&mut self, at_most: Duration) -> Result<Option<usize>, BrokerError> {
        let until = Instant::now() + at_most.max(SHORTEST);
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.settings, Duration::ZERO).await?,
        };
        // Where another server may take over, a wait at one that is frozen has to end soon: it is cut into pieces.
        let (longest, grace) =
            if self.settings.has_successor() { (PIECE, GRACE_WITH_SUCCESSOR) } else { (Duration::MAX, GRACE) };
        let key = loop {
            let left = until.saturating_duration_since(Instant::now()).clamp(SHORTEST, longest);
            match pop(&connection, &self.keys, left, grace).await? {
                None if Instant::now() < until => {}
                key => break key,
            }
        };
        self.connection = Some(connection);
        let Some(key) = key else { return Ok(None) };
        let Some(place) = self.keys.iter().position(|(wanted, _)| wanted.as_bytes() == key.as_ref()) else {
            return Err(BrokerError::Protocol {
                address: self.settings.address().to_owned(),
                call: CALL,
                reason: "a key that nobody waits for".to_owned(),
            });
        };
        // The one that was found comes last now, and those that were looked at before it keep their order.
        let found = self.keys.remove(place);
        self.keys.extend(found);
        Ok(self.keys.back().map(|(_, index)| *index))
    }
}

#[async_trait]
impl Wait for RedisWait {
    fn queues(&self) -> &[QueueName] {
        &self.queues
    }

    async fn wait(&mut self, at_most: Duration) -> Result<Option<QueueName>, BrokerError> {
        let closed = self.closed.clone();
        let index = tokio::select! {
            biased;
            () = closed.cancelled() => {
                // Where a wait was in progress its connection is gone with it.
                self.connection = None;
                return Err(BrokerError::Closed { address: self.settings.address().to_owned() });
            }
            index = self.token(at_most) => index?,
        };
        Ok(index.and_then(|index| self.queues.get(index)).cloned())
    }
}

/// The key that had a token, or `None` when time is up.
async fn pop(
    connection: &Connection,
    keys: &VecDeque<(String, usize)>,
    at_most: Duration,
    grace: Duration,
) -> Result<Option<bytes::Bytes>, BrokerError> {
    let mut keys = keys.iter().map(|(key, _)| key.as_str());
    let Some(first) = keys.next() else { return Ok(None) };
    let mut args: Vec<Value> = keys.map(Value::from).collect();
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
