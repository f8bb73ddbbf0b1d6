//! Which client a test sends with, and what happens after it has sent. Feature `testing`.
//!
//! Tests run at the same time in one process, so a process-wide client cannot be theirs. A client is bound to the
//! runtime of a test instead, since every `#[tokio::test]` has one of its own: whatever the test spawns, on whichever
//! thread, finds it. Where tests share a runtime, a scope around a future comes first.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::runtime::{Handle, Id};

use super::scope::scoped;
use super::{BrokerAccess as _, Client, SendError};
use crate::BoxFuture;
use crate::broker::Broker;
use crate::broker::memory::MemoryBroker;
use crate::message::MessageId;

static RUNTIMES: LazyLock<Mutex<HashMap<Id, TestClient>>> = LazyLock::new(Mutex::default);

/// The client of a test.
#[derive(Clone)]
pub(crate) struct TestClient {
    pub(crate) client: Client,
    pub(crate) test: Arc<Test>,
}

/// What the client of a test has besides.
pub(crate) struct Test {
    pub(crate) broker: Arc<MemoryBroker>,
    /// Runs what is sent at once, if the test wants that.
    pub(crate) in_place: RwLock<Option<Arc<dyn InPlace>>>,
}

/// Runs a message that has just been sent.
pub(crate) trait InPlace: Send + Sync {
    fn run(self: Arc<Self>, client: TestClient, id: MessageId) -> BoxFuture<'static, Result<(), SendError>>;
}

impl TestClient {
    /// A client on a broker of its own whose clock stands still.
    pub(crate) fn new() -> Self {
        // A new id carries the sender's clock, as every message does.
        let broker = MemoryBroker::with_clock(MessageId::new().timestamp_ms());
        let mut client = Client::on(Arc::clone(&broker) as Arc<dyn Broker>);
        let test = Arc::new(Test { broker, in_place: RwLock::default() });
        // Nobody else has the client yet.
        if let Some(inner) = Arc::get_mut(&mut client.inner) {
            inner.test = Some(Arc::clone(&test));
        }
        Self { client, test }
    }

    /// The same, if `client` is a test's.
    fn of(client: Client) -> Option<Self> {
        let test = Arc::clone(client.test()?);
        Some(Self { client, test })
    }
}

impl Client {
    /// What it has besides, if it is a test's.
    pub(super) fn test(&self) -> Option<&Arc<Test>> {
        self.inner.test.as_ref()
    }

    /// Called when the broker has accepted messages.
    pub(super) async fn run_in_place(&self, ids: &[MessageId]) -> Result<(), SendError> {
        let Some(test) = self.test() else { return Ok(()) };
        let Some(in_place) = test.in_place.read().unwrap_or_else(PoisonError::into_inner).clone() else {
            return Ok(());
        };
        for id in ids {
            let client = TestClient { client: self.clone(), test: Arc::clone(test) };
            Arc::clone(&in_place).run(client, *id).await?;
        }
        Ok(())
    }
}

/// The client of the scope or the runtime this is called in.
pub(crate) fn bound() -> Option<TestClient> {
    let of_runtime = || lock().get(&Handle::try_current().ok()?.id()).cloned();
    scoped().and_then(TestClient::of).or_else(of_runtime)
}

/// The client bound to a runtime; the first call makes it. It is bound until the runtime ends.
pub(crate) fn bind(runtime: &Handle) -> TestClient {
    let id = runtime.id();
    let mut runtimes = lock();
    if let Some(client) = runtimes.get(&id) {
        return client.clone();
    }
    let client = TestClient::new();
    runtimes.insert(id, client.clone());
    // Dropping the task needs the lock, and a runtime that is shutting down drops it at once.
    drop(runtimes);
    let bound = Bound(id);
    runtime.spawn(async move {
        let _bound = bound;
        std::future::pending::<()>().await;
    });
    client
}

/// Dropped together with the tasks of its runtime.
struct Bound(Id);

impl Drop for Bound {
    fn drop(&mut self) {
        let client = lock().remove(&self.0);
        drop(client);
    }
}

fn lock() -> MutexGuard<'static, HashMap<Id, TestClient>> {
    RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Test").field("broker", &self.broker).finish_non_exhaustive()
    }
}
