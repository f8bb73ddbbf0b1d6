//! [`Connection`]: one connection to the server and the task that drives it.
//!
//! The first connect fails at once and says why, because a wrong address is a mistake to mend. After that the connection
//! comes back by itself for ever: a worker must outlive any trouble of its server. Calls are bounded all the same, so
//! that nobody waits for ever.
//!
//! `settings.rs` turns an address into settings; `error.rs` turns what went wrong into words.
//!
//! Next: `script.rs` makes calls over it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::ConnectHandle;

use super::error::translate;
use super::settings::Settings;
use crate::broker::BrokerError;

/// The oldest server that has what the scripts use (`LPOP` with a count).
const OLDEST_SERVER: (u64, u64) = (6, 2);
/// How often the first connect is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How often a connection to a server that takes no writes is replaced at most.
const REPLACE_EVERY: Duration = Duration::from_secs(1);
/// How long a polite goodbye may take.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection. Dropping it closes it.
pub(super) struct Connection {
    client: Client,
    /// The task that serves the client. Ends only with the client, or when an error is beyond reconnecting.
    driver: Mutex<ConnectHandle>,
    address: String,
    call_timeout: Duration,
    /// How often the server did not know a script: it was restarted, failed over or flushed.
    forgotten: AtomicU64,
    /// When the connection was last replaced because its server took no writes.
    replaced: Mutex<Option<Instant>>,
    #[cfg(feature = "testing")]
    test_clock: Option<super::test_clock::TestClock>,
}

impl Connection {
    /// Connects; the task that drives the connection runs on the current runtime.
    ///
    /// `call_timeout` bounds each call; zero means that the caller bounds it.
    pub(super) async fn open(settings: &Settings, call_timeout: Duration) -> Result<Self, BrokerError> {
        let client = settings.client(call_timeout);
        let mut connection = Self {
            driver: Mutex::new(client.connect()),
            client,
            address: settings.address().to_owned(),
            call_timeout,
            forgotten: AtomicU64::new(0),
            replaced: Mutex::default(),
            #[cfg(feature = "testing")]
            test_clock: settings.test_clock().cloned(),
        };
        let waited = settings.connect_timeout();
        match tokio::time::timeout(waited, connection.first_connect(waited)).await {
            Ok(connected) => connected?,
            Err(_) => {
                return Err(BrokerError::Timeout { address: connection.address.clone(), call: "connect", waited });
            }
        }
        connection.check_version()?;
        Ok(connection)
    }

    /// Where the server is, without a password.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The client, for calls.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The server did not know a script.
    pub(super) fn forgotten(&self) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the server was found to have forgotten its scripts, and perhaps more.
    pub(super) fn times_forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// The clock of a test, in place of the server's.
    #[cfg(feature = "testing")]
    pub(super) fn test_clock(&self) -> Option<&super::test_clock::TestClock> {
        self.test_clock.as_ref()
    }

    /// What a failed call means for the caller.
    pub(super) fn error(&self, call: &'static str, error: &fred::error::Error) -> BrokerError {
        translate(&self.address, call, self.call_timeout, error)
    }

    /// An answer nobody should ever see.
    pub(super) fn odd_answer(&self, call: &'static str, reason: &str) -> BrokerError {
        BrokerError::Protocol { address: self.address.clone(), call, reason: reason.to_owned() }
    }

    /// Replaces the connection under the client; calls in flight are repeated on the new one.
    pub(super) async fn replace(&self, at_most: Duration) {
        {
            let mut driver = self.driver();
            if driver.is_finished() {
                *driver = self.client.connect();
                return;
            }
        }
        // While the server is away this waits for it; the client goes on trying without us.
        let _ = tokio::time::timeout(at_most, self.client.force_reconnection()).await;
    }

    /// Starts to replace the connection: its server takes no writes, and the address may lead to another one by now.
    pub(super) fn replace_soon(&self) {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        if replaced.is_none_or(|at| at.elapsed() >= REPLACE_EVERY) {
            *replaced = Some(Instant::now());
            let client = self.client.clone();
            tokio::spawn(async move { client.force_reconnection().await });
        }
    }

    /// Says goodbye and closes.
    pub(super) async fn close(&self) {
        let _ = tokio::time::timeout(QUIT_TIMEOUT, self.client.quit()).await;
        self.driver().abort();
    }

    fn driver(&self) -> MutexGuard<'_, ConnectHandle> {
        // A handle is whole whatever happened to its last user.
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks until the client is connected or its driver has given up. The client tells of a connect only to those who
    /// asked before it happened, and then keeps the handle of the driver.
    async fn first_connect(&mut self, waited: Duration) -> Result<(), BrokerError> {
        while !self.client.is_connected() {
            tokio::select! {
                ended = self.driver.get_mut().unwrap_or_else(PoisonError::into_inner) => {
                    return Err(match ended {
                        Ok(Err(error)) => translate(&self.address, "connect", waited, &error),
                        Ok(Ok(())) | Err(_) => self.unavailable("the connection was given up"),
                    });
                }
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
        Ok(())
    }

    fn unavailable(&self, reason: &str) -> BrokerError {
        BrokerError::Unavailable { address: self.address.clone(), reason: reason.to_owned(), source: None }
    }

    fn check_version(&self) -> Result<(), BrokerError> {
        // Servers that hide their version are taken at their word.
        let Some(version) = self.client.server_version() else { return Ok(()) };
        if (version.major, version.minor) >= OLDEST_SERVER {
            return Ok(());
        }
        let (major, minor) = OLDEST_SERVER;
        Err(BrokerError::Refused {
            address: self.address.clone(),
            call: "connect",
            reason: format!("the server is Redis {version}, LTQ needs {major}.{minor} or newer; update the server"),
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The driver keeps itself alive, so nothing else would ever close the socket.
        self.driver().abort();
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.address)
    }
}
