//! [`RedisBroker`]: queues on a Redis server.
//!
//! It has two kinds of connections, because one blocked command stops every other on its connection: one for scripts,
//! shared by all calls, and one for each wait (`wait.rs`). A worker's heartbeat takes a broker of its own
//! ([`dedicated`](Broker::dedicated)), so that neither a busy connection nor a busy runtime delays it.
//!
//! Every change is one script, and each script is safe to run twice: the client repeats calls whose reply was lost. The
//! scripts stand beside the code that calls them; their keys come from `keys.rs` only.
//!
//! Next: `connect.rs` connects; `turn.rs` and `turn.lua` are the hot path.

mod calls;
mod keys;
mod link;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fred::interfaces::SetsInterface;
use tokio_util::sync::CancellationToken;

use self::calls::durable::DurableConnections;
use self::calls::{admin, publish, recover, renew, turn, wait};
use self::keys::QueueKeys;
use self::link::connect::Connection;
use self::link::settings::Settings;
use super::{
    Admin, Broker, BrokerError, ConnectOptions, Consume, Produce, Publish, QueueStats, Recovered, Recovery, Renewal,
    Turn, TurnReply, Wait, WorkerId,
};
use crate::message::{DeadLetter, Durability, MessageId, QueueName};

/// Queues on a Redis server, or on something that speaks its protocol and runs its scripts.
#[derive(Debug)]
pub struct RedisBroker {
    settings: Settings,
    /// Where scripts run.
    scripts: Connection,
    /// Where publishing waits for replicas.
    durable: DurableConnections,
    /// The queues this process has put on the list of queues.
    listed: RwLock<Listed>,
    /// Ends waits in progress.
    closed: CancellationToken,
}

impl RedisBroker {
    /// Connects to `url`, in one of the forms [`connect`](super::connect()) lists.
    ///
    /// # Errors
    ///
    /// The address cannot be used, nothing answers there, or the server refuses: wrong password, no such database, too
    /// old.
    pub async fn connect(url: &str, options: &ConnectOptions) -> Result<Arc<dyn Broker>, BrokerError> {
        Self::open(Settings::new(url, options)?).await
    }

    /// As [`connect`](Self::connect), with a clock that shows `now_ms` until it is [advanced](Self::advance).
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub async fn with_clock(url: &str, options: &ConnectOptions, now_ms: u64) -> Result<Arc<Self>, BrokerError> {
        Ok(Arc::new(Self::new(Settings::new(url, options)?.with_test_clock(now_ms)).await?))
    }

    /// Puts the clock of a broker made by [`with_clock`](Self::with_clock) forward; does not change the server's.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn advance(&self, by: Duration) {
        self.scripts.test_clock().into_iter().for_each(|clock| clock.advance(by));
    }

    /// As [`connect`](Self::connect) or, with a time, [`with_clock`](Self::with_clock); a turn takes `batch_from` messages or
    /// more as a batch, instead of some dozens or more.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub async fn with_batches_from(
        batch_from: usize,
        url: &str,
        options: &ConnectOptions,
        now_ms: Option<u64>,
    ) -> Result<Arc<Self>, BrokerError> {
        let settings = Settings::new(url, options)?.with_batches_from(batch_from);
        let settings = match now_ms {
            Some(now_ms) => settings.with_test_clock(now_ms),
            None => settings,
        };
        Ok(Arc::new(Self::new(settings).await?))
    }

    async fn open(settings: Settings) -> Result<Arc<dyn Broker>, BrokerError> {
        Ok(Arc::new(Self::new(settings).await?))
    }

    async fn new(settings: Settings) -> Result<Self, BrokerError> {
        let scripts = Connection::open(&settings, settings.options().call_timeout).await?;
        Ok(Self {
            settings,
            scripts,
            durable: DurableConnections::default(),
            listed: RwLock::default(),
            closed: CancellationToken::new(),
        })
    }

    fn keys(&self, queue: &QueueName) -> QueueKeys {
        QueueKeys::new(&self.settings.options().namespace, queue)
    }

    /// The connection for scripts, unless the broker is closed.
    fn scripts(&self) -> Result<&Connection, BrokerError> {
        if self.closed.is_cancelled() { Err(self.closed_error()) } else { Ok(&self.scripts) }
    }

    fn closed_error(&self) -> BrokerError {
        BrokerError::Closed { address: self.settings.address().to_owned() }
    }

    /// Puts a queue on the list of queues, once per process and life of the server's memory. Apart from the scripts,
    /// because the list lies outside the queue's hash tag.
    async fn list(&self, queue: &QueueName) -> Result<(), BrokerError> {
        let scripts = self.scripts()?;
        let forgotten = scripts.times_forgotten();
        {
            let listed = self.listed.read().unwrap_or_else(PoisonError::into_inner);
            if listed.forgotten == forgotten && listed.queues.contains(queue) {
                return Ok(());
            }
        }
        let key = keys::queues(&self.settings.options().namespace);
        let added = scripts.call::<(), _>("list", || scripts.client().sadd(key.as_str(), queue.as_str())).await;
        match added {
            Ok(()) => {}
            // A worker must be able to make room. The queue goes on the list when there is some.
            Err(BrokerError::OutOfMemory { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
        let mut listed = self.listed.write().unwrap_or_else(PoisonError::into_inner);
        if listed.forgotten != forgotten {
            *listed = Listed { forgotten, queues: HashSet::new() };
        }
        listed.queues.insert(queue.clone());
        Ok(())
    }
}

/// The queues put on the list of queues.
#[derive(Debug, Default)]
struct Listed {
    /// How often the server had forgotten what it knew when they were. It may have forgotten the list since.
    forgotten: u64,
    queues: HashSet<QueueName>,
}

#[async_trait]
impl Broker for RedisBroker {
    fn address(&self) -> &str {
        self.settings.address()
    }

    async fn dedicated(&self) -> Result<Arc<dyn Broker>, BrokerError> {
        Self::open(self.settings.clone()).await
    }

    async fn reconnect(&self) {
        self.durable.clear();
        self.scripts.replace(self.settings.options().call_timeout).await;
    }

    async fn close(&self) {
        if self.closed.is_cancelled() {
            return;
        }
        self.closed.cancel();
        self.durable.clear();
        self.scripts.close().await;
    }
}

#[async_trait]
impl Produce for RedisBroker {
    async fn publish(&self, batch: &Publish) -> Result<(), BrokerError> {
        if batch.entries.is_empty() {
            return Ok(());
        }
        self.list(&batch.queue).await?;
        let (scripts, keys) = (self.scripts()?, self.keys(&batch.queue));
        match batch.durability {
            Durability::Primary => publish::publish(scripts, &keys, batch).await,
            _ => self.durable.publish(&self.settings, &keys, batch).await,
        }
    }
}

#[async_trait]
impl Consume for RedisBroker {
    async fn turn(&self, turn: &Turn) -> Result<TurnReply, BrokerError> {
        self.list(&turn.queue).await?;
        turn::turn(self.scripts()?, &self.keys(&turn.queue), self.settings.batch_from(), turn).await
    }

    fn waits(&self, queues: &[QueueName]) -> Vec<Box<dyn Wait>> {
        wait::waits(&self.settings, &self.closed, queues)
    }

    async fn renew(&self, queue: &QueueName, worker: &WorkerId, lease: Duration) -> Result<Renewal, BrokerError> {
        renew::renew(self.scripts()?, &self.keys(queue), worker, lease).await
    }

    async fn recover(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        recovery: Recovery,
    ) -> Result<Recovered, BrokerError> {
        recover::recover(self.scripts()?, &self.keys(queue), worker, recovery).await
    }
}

#[async_trait]
impl Admin for RedisBroker {
    async fn queues(&self) -> Result<Vec<QueueName>, BrokerError> {
        admin::queues(self.scripts()?, &self.settings.options().namespace).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, BrokerError> {
        admin::stats(self.scripts()?, &self.keys(queue)).await
    }

    async fn dead_letters(&self, queue: &QueueName, offset: u64, limit: u64) -> Result<Vec<DeadLetter>, BrokerError> {
        admin::dead_letters(self.scripts()?, &self.keys(queue), offset, limit).await
    }

    async fn dead_letter(&self, queue: &QueueName, id: MessageId) -> Result<Option<DeadLetter>, BrokerError> {
        admin::dead_letter(self.scripts()?, &self.keys(queue), id).await
    }

    async fn replay(&self, queue: &QueueName, id: MessageId, payload: Bytes) -> Result<bool, BrokerError> {
        admin::replay(self.scripts()?, &self.keys(queue), id, payload).await
    }

    async fn clear(&self, queue: &QueueName, limit: u64) -> Result<u64, BrokerError> {
        admin::clear(self.scripts()?, &self.keys(queue), limit).await
    }

    async fn delete_dead(&self, queue: &QueueName, id: MessageId) -> Result<bool, BrokerError> {
        admin::delete_dead(self.scripts()?, &self.keys(queue), id).await
    }
}
