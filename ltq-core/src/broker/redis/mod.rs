//! [`RedisBroker`]: queues on a Redis server.
//!
//! It has two kinds of connections, because one blocked command stops every other on its connection: one for scripts,
//! shared by all calls, and one for each wait (`wait.rs`). A worker's heartbeat takes a broker of its own
//! ([`dedicated`](Broker::dedicated)), so that neither a busy connection nor a busy runtime delays it.
//!
//! Every change is one script, and each script is safe to run twice: the client repeats calls whose reply was lost. The
//! scripts stand beside the code that calls them; their keys come from `keys.rs` only.
//!
//! Next: `link/connect.rs` connects; `calls/turn.rs` and `lua/turn` are the hot path.

mod calls;
mod grants;
mod keys;
mod link;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::calls::durable::DurableConnections;
use self::calls::permissions::{self, Role};
use self::calls::{admin, publish, records, recover, renew, turn, wait};
use self::keys::QueueKeys;
use self::link::command::Command;
use self::link::connect::Connection;
use self::link::settings::Settings;
use super::address::address_error;
use super::{
    Admin, Ask, Broker, BrokerError, ConnectOptions, Consume, ProcessId, ProcessRecord, ProcessState, Produce, Publish,
    Published, QueueStats, Recovered, Recovery, Renewal, Turn, TurnReply, Wait, WorkerId,
};
use crate::message::{DeadLetter, Durability, MessageId, QueueName};

/// As how many messages at least a turn takes them as a block. Some more commands on the server, and one more of the client,
/// have to be worth it.
const BLOCK_FROM: usize = 32;

/// How long a call waits for its queue to be on the list of queues.
const LIST_WITHIN: Duration = Duration::from_millis(500);
/// How long until that is tried again.
const LIST_AGAIN: Duration = Duration::from_secs(5);

/// Queues on a Redis server, or on something that speaks its protocol and runs its scripts.
#[derive(Debug)]
pub struct RedisBroker {
    settings: Settings,
    /// As how many messages at least a turn takes them as a block.
    block_from: usize,
    /// Where scripts run.
    scripts: Connection,
    /// Where publishing waits for replicas.
    durable: DurableConnections,
    /// The queues this process has put on the list of queues.
    listed: RwLock<Listed>,
    /// The queues on which this process may do what a producer does.
    proved: Proved,
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
        Self::open(settings(url, options)?, BLOCK_FROM).await
    }

    /// As [`connect`](Self::connect), with a clock that shows `now_ms` until it is [advanced](Self::advance).
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub async fn with_clock(url: &str, options: &ConnectOptions, now_ms: u64) -> Result<Arc<Self>, BrokerError> {
        Ok(Arc::new(Self::new(settings(url, options)?.with_test_clock(now_ms), BLOCK_FROM).await?))
    }

    /// Puts the clock of a broker made by [`with_clock`](Self::with_clock) forward; does not change the server's.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn advance(&self, by: Duration) {
        self.scripts.test_clock().into_iter().for_each(|clock| clock.advance(by));
    }

    /// From now on the server refuses one command on one key in a script: that number among the pairs of the two in the order
    /// in which the script first calls them, from 1; or none. Only with a clock of a test.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn refuse(&self, refused: Option<(&'static str, u64)>) {
        self.scripts.test_clock().into_iter().for_each(|clock| clock.refuse(refused));
    }

    /// The name and the whole text of each script, as the server runs it.
    #[doc(hidden)]
    #[must_use]
    pub fn scripts_text() -> Vec<(&'static str, &'static str)> {
        let scripts: [&'static link::script::Script; 13] = [
            &publish::PUBLISH,
            &publish::PUBLISH_ANSWERED,
            &turn::TURN,
            &turn::TURN_FULL,
            &renew::RENEW,
            &recover::RECOVER,
            &admin::REPLAY,
            &admin::CLEAR,
            &admin::DELETE,
            &admin::STATS,
            &records::RECORDS,
            &records::ASK,
            &permissions::PERMISSIONS,
        ];
        scripts.into_iter().map(|script| script.text()).collect()
    }

    /// As [`connect`](Self::connect) or, with a time, [`with_clock`](Self::with_clock); a turn takes `block_from` messages or
    /// more as a block, instead of some dozens or more.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub async fn with_blocks_from(
        block_from: usize,
        url: &str,
        options: &ConnectOptions,
        now_ms: Option<u64>,
    ) -> Result<Arc<Self>, BrokerError> {
        let settings = settings(url, options)?;
        let settings = match now_ms {
            Some(now_ms) => settings.with_test_clock(now_ms),
            None => settings,
        };
        Ok(Arc::new(Self::new(settings, block_from).await?))
    }

    async fn open(settings: Settings, block_from: usize) -> Result<Arc<dyn Broker>, BrokerError> {
        Ok(Arc::new(Self::new(settings, block_from).await?))
    }

    async fn new(settings: Settings, block_from: usize) -> Result<Self, BrokerError> {
        let scripts = Connection::open(&settings, settings.options().call_timeout).await?;
        Ok(Self {
            settings,
            block_from,
            scripts,
            durable: DurableConnections::default(),
            listed: RwLock::default(),
            proved: Proved::default(),
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
    /// because the list lies outside the queue's hash tag. In a cluster its server may be away while the queue's is not, so
    /// nobody waits for it for long; it is then tried again some time later.
    async fn enlist(&self, queue: &QueueName) -> Result<(), BrokerError> {
        let scripts = self.scripts()?;
        let forgotten = scripts.times_forgotten();
        {
            let listed = self.listed.read().unwrap_or_else(PoisonError::into_inner);
            let known = listed.forgotten == forgotten && listed.queues.contains(queue);
            if known || listed.not_before.is_some_and(|not_before| Instant::now() < not_before) {
                return Ok(());
            }
        }
        let key = keys::queues(&self.settings.options().namespace);
        let listing = scripts.command(Command::on("list", "SADD", &key, [queue.as_str().into()]));
        let in_time = tokio::time::timeout(LIST_WITHIN, listing).await;
        let mut listed = self.listed.write().unwrap_or_else(PoisonError::into_inner);
        match in_time {
            Ok(Ok(_)) => {}
            // A worker must be able to make room. The queue goes on the list when there is some.
            Ok(Err(BrokerError::OutOfMemory { .. })) => return Ok(()),
            Ok(Err(error)) if !error.is_transient() => return Err(error),
            _ => {
                listed.not_before = Some(Instant::now() + LIST_AGAIN);
                return Ok(());
            }
        }
        listed.not_before = None;
        if listed.forgotten != forgotten {
            *listed = Listed { forgotten, ..Listed::default() };
        }
        listed.queues.insert(queue.clone());
        Ok(())
    }
}

fn settings(url: &str, options: &ConnectOptions) -> Result<Settings, BrokerError> {
    if let Some(fault) = keys::namespace_fault(&options.namespace) {
        return Err(address_error(url, format!("{fault}; use letters, digits, `-` and `_`")));
    }
    Settings::new(url, options, grants::all())
}

/// Queues on which permissions were found to suffice.
#[derive(Debug, Default)]
struct Proved(RwLock<HashSet<QueueName>>);

impl Proved {
    fn contains(&self, queue: &QueueName) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(queue)
    }

    fn add(&self, queue: &QueueName) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(queue.clone());
    }
}

/// The queues put on the list of queues.
#[derive(Debug, Default)]
struct Listed {
    /// How often the server had forgotten what it knew when they were. It may have forgotten the list since.
    forgotten: u64,
    queues: HashSet<QueueName>,
    /// When to try again, after the list could not be reached.
    not_before: Option<Instant>,
}

#[async_trait]
impl Broker for RedisBroker {
    fn address(&self) -> &str {
        self.settings.address()
    }

    async fn dedicated(&self) -> Result<Arc<dyn Broker>, BrokerError> {
        Self::open(self.settings.clone(), self.block_from).await
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
    async fn publish(&self, bulk: &Publish) -> Result<Published, BrokerError> {
        if bulk.entries.is_empty() {
            return Ok(Published::default());
        }
        self.enlist(&bulk.queue).await?;
        let (scripts, keys) = (self.scripts()?, self.keys(&bulk.queue));
        if !self.proved.contains(&bulk.queue) {
            permissions::prove(scripts, &keys, Role::Producer).await?;
            self.proved.add(&bulk.queue);
        }
        match bulk.durability {
            Durability::Primary => publish::publish(scripts, &keys, bulk).await,
            _ => self.durable.publish(&self.settings, &keys, bulk).await,
        }
    }
}

#[async_trait]
impl Consume for RedisBroker {
    async fn prove(&self, queue: &QueueName) -> Result<(), BrokerError> {
        permissions::prove(self.scripts()?, &self.keys(queue), Role::Worker).await
    }

    async fn turn(&self, turn: &Turn) -> Result<TurnReply, BrokerError> {
        self.enlist(&turn.queue).await?;
        turn::turn(self.scripts()?, &self.keys(&turn.queue), self.block_from, turn).await
    }

    fn waits(&self, queues: &[QueueName]) -> Vec<Box<dyn Wait>> {
        wait::waits(&self.settings, &self.closed, queues)
    }

    async fn renew_with(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        lease: Duration,
        process: Option<&ProcessState>,
    ) -> Result<Renewal, BrokerError> {
        renew::renew(self.scripts()?, &self.keys(queue), worker, lease, process).await
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

    async fn process_records(&self, queue: &QueueName) -> Result<Vec<ProcessRecord>, BrokerError> {
        records::records(self.scripts()?, &self.keys(queue)).await
    }

    async fn ask_process(&self, queue: &QueueName, process: &ProcessId, ask: Ask) -> Result<bool, BrokerError> {
        records::ask(self.scripts()?, &self.keys(queue), process, ask).await
    }
}
