//! Publishing that is not over before replicas, or a disk, have the bulk.
//!
//! `WAIT` waits for what its own connection has written, and nothing else can use the connection meanwhile. So the bulk
//! goes over the connection that waits, which belongs to this call alone and is kept for the next. Should the client have
//! replaced it in between, `WAIT` would know of no writes and succeed at once; the name of the connection, which a new
//! one does not have, tells. Then the bulk is published again under its number and waited for again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::publish::publish;
use crate::broker::redis::keys::QueueKeys;
use crate::broker::redis::link::command::Command;
use crate::broker::redis::link::connect::Connection;
use crate::broker::redis::link::script::Reply;
use crate::broker::redis::link::settings::Settings;
use crate::broker::redis::link::value::{Value, millis};
use crate::broker::{BrokerError, Publish, Published};
use crate::message::{Durability, MessageId};

/// How much later than asked the server may answer before its connection is taken for dead.
const GRACE: Duration = Duration::from_secs(3);
/// How often the bulk is published and waited for when the connection is replaced in between.
const ATTEMPTS: usize = 5;
/// The oldest server that can say when its disk has something.
const OLDEST_WITH_WAITAOF: (u64, u64) = (7, 2);
const CALL: &str = "publish";

/// The connections that wait for replicas, or have waited.
#[derive(Debug, Default)]
pub(crate) struct DurableConnections {
    idle: Mutex<Vec<Named>>,
}

/// A connection and the name it was given; a connection that replaces it does not have the name.
#[derive(Debug)]
struct Named {
    connection: Connection,
    name: String,
    /// How long one call over it may take.
    call_timeout: Duration,
}

impl DurableConnections {
    /// Publishes, and waits until the bulk is as safe as it asks to be.
    pub(crate) async fn publish(
        &self,
        settings: &Settings,
        keys: &QueueKeys,
        bulk: &Publish,
    ) -> Result<Published, BrokerError> {
        let waited = settings.options().call_timeout + bulk.durability.within() + GRACE;
        let idle = self.pop(waited);
        let mut named = match idle {
            Some(named) => named,
            None => {
                let connection = Connection::open(settings, waited).await?;
                Named { connection, name: String::new(), call_timeout: waited }
            }
        };
        let result = match tokio::time::timeout(waited, named.publish(keys, bulk)).await {
            Ok(result) => result,
            Err(_) => Err(BrokerError::Timeout { address: settings.address().to_owned(), call: CALL, waited }),
        };
        if matches!(result, Ok(_) | Err(BrokerError::NotDurable { .. } | BrokerError::QueueFull { .. })) {
            self.lock().push(named);
        }
        result
    }

    /// Throws the idle connections away.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// A connection whose calls may take so long.
    fn pop(&self, call_timeout: Duration) -> Option<Named> {
        let mut idle = self.lock();
        let fit = idle.iter().position(|named| named.call_timeout >= call_timeout)?;
        Some(idle.swap_remove(fit))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Named>> {
        // A list of connections is whole whatever happened to its last user.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Named {
    async fn publish(&mut self, keys: &QueueKeys, bulk: &Publish) -> Result<Published, BrokerError> {
        self.check_server(bulk.durability)?;
        let node = Node { connection: &self.connection, key: keys.ready(), at_most: self.call_timeout };
        if self.name.is_empty() {
            self.name = node.give_name().await?;
        }
        for _ in 0..ATTEMPTS {
            let published = publish(&self.connection, keys, bulk).await?;
            let reached = node.wait(bulk.durability).await;
            if node.name().await? == self.name {
                return reached.map(|()| published).map_err(|reason| BrokerError::NotDurable {
                    address: self.connection.address().to_owned(),
                    wanted: bulk.durability,
                    reason,
                });
            }
            self.name = node.give_name().await?;
        }
        let reason = "the connection broke again and again".to_owned();
        Err(BrokerError::Unavailable { address: self.connection.address().to_owned(), reason, source: None })
    }

    /// Before anything is enqueued: whether the server knows the level.
    fn check_server(&self, durability: Durability) -> Result<(), BrokerError> {
        // Servers that hide their version are asked and answer for themselves.
        let Some(version) = self.connection.version() else { return Ok(()) };
        if !matches!(durability, Durability::Synced { .. }) || version >= OLDEST_WITH_WAITAOF {
            return Ok(());
        }
        let ((has_major, has_minor), (major, minor)) = (version, OLDEST_WITH_WAITAOF);
        let reason = format!(
            "it is Redis {has_major}.{has_minor}, and saying when its disk has a message takes {major}.{minor} or newer; use \
             `Durability::replicated`, or `appendfsync always` in the server's settings"
        );
        Err(BrokerError::Refused { address: self.connection.address().to_owned(), call: CALL, reason })
    }
}

/// The server that holds a queue.
struct Node<'a> {
    connection: &'a Connection,
    /// A key of the queue.
    key: String,
    /// How long one call may take.
    at_most: Duration,
}

impl Node<'_> {
    /// Waits until the level is reached; else says how far it came.
    async fn wait(&self, durability: Durability) -> Result<(), String> {
        let (command, copies, within) = match durability {
            Durability::Primary => return Ok(()),
            Durability::Replicated { replicas, .. } => ("WAIT", vec![replicas], durability.within()),
            Durability::Synced { replicas, .. } => ("WAITAOF", vec![1, replicas], durability.within()),
        };
        let mut args: Vec<Value> = copies.iter().map(|copies| Value::Integer((*copies).into())).collect();
        args.push(Value::Integer(millis(within)));
        let command = Command::beside(CALL, command, &self.key, args).blocking();
        let mut reply = self.ask(&command).await.map_err(|error| error.to_string())?;
        let mut reached = Vec::with_capacity(copies.len());
        while reply.len() > 0 {
            reached.push(reply.count().map_err(|error| error.to_string())?);
        }
        if reached.len() == copies.len() && reached.iter().zip(&copies).all(|(got, wanted)| *got >= (*wanted).into()) {
            return Ok(());
        }
        Err(match reached[..] {
            [replicas] => format!("{replicas} replicas had them in time"),
            [0, replicas] => format!("the primary's disk did not have them in time, {replicas} replicas' disks had"),
            [_, replicas] => format!("the primary's disk had them in time, {replicas} replicas' disks had"),
            _ => "the server gave no number".to_owned(),
        })
    }

    /// Gives the connection a name nobody else has.
    async fn give_name(&self) -> Result<String, BrokerError> {
        let name = format!("ltq-{}", MessageId::new());
        let args = vec![Value::from_static_str("SETNAME"), name.as_str().into()];
        self.ask(&Command::beside(CALL, "CLIENT", &self.key, args)).await?;
        Ok(name)
    }

    /// The name of the connection; empty where it has none.
    async fn name(&self) -> Result<String, BrokerError> {
        let args = vec![Value::from_static_str("GETNAME")];
        let mut name = self.ask(&Command::beside(CALL, "CLIENT", &self.key, args)).await?;
        let name = name.maybe_bytes()?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    async fn ask(&self, command: &Command) -> Result<Reply<'_>, BrokerError> {
        self.connection.command_once(command, self.at_most).await?.ok_or_else(|| BrokerError::Unavailable {
            address: self.connection.address().to_owned(),
            reason: "the queue is on its way to another server of the cluster".to_owned(),
            source: None,
        })
    }
}
