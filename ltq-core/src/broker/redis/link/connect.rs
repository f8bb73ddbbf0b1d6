//! [`Connection`]: one connection to the server and the task that drives it.
//!
//! The first connect fails at once and says why, because a wrong address is a mistake to mend. After that the connection
//! comes back by itself for ever: a worker must outlive any trouble of its server. Calls are bounded all the same, so
//! that nobody waits for ever.
//!
//! `settings.rs` turns an address into settings; `error.rs` turns what went wrong into words.
//!
//! Next: `script.rs` makes calls over it.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::clients::Client;
use fred::error::ErrorKind;
use fred::interfaces::ClientLike;
use fred::types::ConnectHandle;
use fred::types::config::Options;
use tokio::time::Instant;

use super::error::{Peer, is_moving, translate};
use super::settings::Settings;
use crate::broker::BrokerError;

/// The oldest server that has what the scripts use (`LPOP` with a count).
const OLDEST_SERVER: (u64, u64) = (6, 2);
/// How often the first connect is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How long to wait before keys that are moving are looked for again.
const MOVE_PAUSE: Duration = Duration::from_millis(20);
/// How long a polite goodbye may take.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection. Dropping it closes it.
pub(crate) struct Connection {
    client: Client,
    /// The task that serves the client. Ends only with the client, or when an error is beyond reconnecting.
    driver: Mutex<ConnectHandle>,
    peer: Peer,
    call_timeout: Duration,
    /// How often the server did not know a script: it was restarted, failed over or flushed.
    forgotten: AtomicU64,
    /// How long a call may go unanswered.
    silence: Duration,
    /// How often any connection to this address found its server silent.
    silences: Arc<AtomicU64>,
    /// How many of these this connection has drawn its conclusion from.
    heeded: AtomicU64,
    /// When it was last replaced, because a call went unanswered or its server took no writes.
    replaced: Mutex<Option<Instant>>,
    #[cfg(feature = "testing")]
    test_clock: Option<super::test_clock::TestClock>,
}

impl Connection {
    /// Connects; the task that drives the connection runs on the current runtime.
    ///
    /// `call_timeout` bounds each call; zero means that the caller bounds it.
    pub(crate) async fn open(settings: &Settings, call_timeout: Duration) -> Result<Self, BrokerError> {
        let client = settings.client(call_timeout);
        let silences = Arc::clone(settings.silences());
        let mut connection = Self {
            driver: Mutex::new(client.connect()),
            client,
            peer: settings.peer().clone(),
            call_timeout,
            forgotten: AtomicU64::new(0),
            silence: settings.silence(call_timeout),
            heeded: AtomicU64::new(silences.load(Ordering::Relaxed)),
            silences,
            replaced: Mutex::new(None),
            #[cfg(feature = "testing")]
            test_clock: settings.test_clock().cloned(),
        };
        let waited = settings.connect_timeout();
        let connected = match tokio::time::timeout(waited, connection.first_connect(waited)).await {
            Ok(connected) => connected,
            Err(_) => Err(BrokerError::Timeout { address: connection.peer.address.clone(), call: "connect", waited }),
        };
        match connected {
            // A server that does not encrypt may wait for the rest of what it takes for a command.
            Err(BrokerError::Timeout { .. }) if settings.is_encrypted() => {
                let reason =
                    format!("no answer within {waited:?}; if the server does not speak TLS, write redis:// instead");
                return Err(connection.unavailable(&reason));
            }
            connected => connected?,
        }
        connection.check_answers().await?;
        connection.check_version()?;
        Ok(connection)
    }

    /// Where the server is, without a password.
    pub(crate) fn address(&self) -> &str {
        &self.peer.address
    }

    /// The client, for calls.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The server's version, major and minor; `None` where it hides it.
    pub(crate) fn version(&self) -> Option<(u64, u64)> {
        self.client.server_version().map(|version| (version.major, version.minor))
    }

    /// The server did not know a script.
    pub(super) fn forgotten(&self) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the server was found to have forgotten its scripts, and perhaps more.
    pub(crate) fn times_forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// The clock of a test, in place of the server's.
    #[cfg(feature = "testing")]
    pub(crate) fn test_clock(&self) -> Option<&super::test_clock::TestClock> {
        self.test_clock.as_ref()
    }

    /// Makes a call, and makes it again while its keys are on their way to another server of the cluster. The client has
    /// learned who owns them by then; a move that goes on is waited for, as long as a call may take.
    pub(super) async fn call<T, F>(&self, call: &'static str, mut make: impl FnMut() -> F) -> Result<T, BrokerError>
    where
        F: Future<Output = Result<T, fred::error::Error>>,
    {
        let began = Instant::now();
        let silences = self.silences.load(Ordering::Relaxed);
        // Another connection found its server silent, which this one could not notice with nothing in flight; or the client
        // has given up, which it does after some errors in spite of its policy.
        if self.heeded.swap(silences, Ordering::Relaxed) != silences || self.driver().is_finished() {
            self.replace(self.call_timeout).await;
        }
        loop {
            match self.watch(make()).await {
                Err(error) if is_moving(&error) && began.elapsed() < self.call_timeout => {
                    tokio::time::sleep(MOVE_PAUSE).await;
                }
                answer => return answer.map_err(|error| self.refused(call, &error)),
            }
        }
    }

    /// What a failed call means. Where the server takes no writes, the address may lead to another one by now.
    fn refused(&self, call: &'static str, error: &fred::error::Error) -> BrokerError {
        let error = self.error(call, error);
        if matches!(error, BrokerError::ReadOnly { .. }) && self.may_replace() {
            let client = self.client.clone();
            tokio::spawn(async move { client.force_reconnection().await });
        }
        error
    }

    /// Waits for an answer, and replaces the connection when there is none for too long. The client watches too, but counts
    /// from the last call it wrote: a connection that is in steady use and never answered would live on.
    async fn watch<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        let mut patience = self.silence;
        loop {
            if let Ok(answer) = tokio::time::timeout(patience, answer.as_mut()).await {
                return answer;
            }
            patience = self.silence / 2;
            // Without a connection the client is looking for one already.
            if (self.client.is_connected() || self.driver().is_finished()) && self.may_replace() {
                let silences = self.silences.fetch_add(1, Ordering::Relaxed) + 1;
                self.heeded.store(silences, Ordering::Relaxed);
                tokio::select! {
                    answer = answer.as_mut() => return answer,
                    () = self.replace(self.silence) => {}
                }
            }
        }
    }

    /// Whether the last time is long enough ago. Of all calls that wait for the same answer, one has to act.
    fn may_replace(&self) -> bool {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        let long_ago = replaced.is_none_or(|replaced| replaced.elapsed() >= self.silence / 2);
        if long_ago {
            *replaced = Some(Instant::now());
        }
        long_ago
    }

    /// What a failed call means for the caller.
    pub(super) fn error(&self, call: &'static str, error: &fred::error::Error) -> BrokerError {
        translate(&self.peer, call, self.call_timeout, error)
    }

    /// An answer nobody should ever see.
    pub(crate) fn odd_answer(&self, call: &'static str, reason: &str) -> BrokerError {
        BrokerError::Protocol { address: self.peer.address.clone(), call, reason: reason.to_owned() }
    }

    /// Replaces the connection under the client; calls in flight are repeated on the new one.
    pub(crate) async fn replace(&self, at_most: Duration) {
        {
            let mut driver = self.driver();
            if driver.is_finished() {
                tracing::debug!(address = self.peer.address, "the client had given up; it begins anew");
                *driver = self.client.connect();
                return;
            }
        }
        // While the server is away this waits for it; the client goes on trying without us.
        let _ = tokio::time::timeout(at_most, self.client.force_reconnection()).await;
    }

    /// Says goodbye and closes.
    pub(crate) async fn close(&self) {
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
                        Ok(Err(error)) => hint(translate(&self.peer, "connect", waited, &error)),
                        Ok(Ok(())) | Err(_) => self.unavailable("the connection was given up"),
                    });
                }
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
        Ok(())
    }

    fn unavailable(&self, reason: &str) -> BrokerError {
        BrokerError::Unavailable { address: self.peer.address.clone(), reason: reason.to_owned(), source: None }
    }

    /// The client takes a connection that is closed at once for one that hides its version.
    async fn check_answers(&self) -> Result<(), BrokerError> {
        if self.client.server_version().is_some() {
            return Ok(());
        }
        let once = Options { max_attempts: Some(1), timeout: Some(self.silence), ..Options::default() };
        match self.client.with_options(&once).ping::<()>(None).await {
            // Whoever may not even ask is told so by the first call that matters.
            Err(error) if *error.kind() == ErrorKind::IO || *error.kind() == ErrorKind::Timeout => {
                Err(hint(translate(&self.peer, "connect", self.silence, &error)))
            }
            _ => Ok(()),
        }
    }

    fn check_version(&self) -> Result<(), BrokerError> {
        // Servers that hide their version are taken at their word.
        let Some(version) = self.version() else { return Ok(()) };
        if version >= OLDEST_SERVER {
            return Ok(());
        }
        let ((has_major, has_minor), (major, minor)) = (version, OLDEST_SERVER);
        Err(BrokerError::Refused {
            address: self.peer.address.clone(),
            call: "connect",
            reason: format!(
                "the server is Redis {has_major}.{has_minor}, LTQ needs {major}.{minor} or newer; update it"
            ),
        })
    }
}

/// A server that expects encryption says so by hanging up.
fn hint(error: BrokerError) -> BrokerError {
    match error {
        BrokerError::Unavailable { address, reason, source } if hung_up(&reason) && !address.starts_with("rediss") => {
            let reason = format!("{reason}; if the server speaks TLS, write rediss:// instead of redis://");
            BrokerError::Unavailable { address, reason, source }
        }
        other => other,
    }
}

fn hung_up(reason: &str) -> bool {
    ["reset", "closed", "Closed", "Broken pipe"].iter().any(|words| reason.contains(words))
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The driver keeps itself alive, so nothing else would ever close the socket.
        self.driver().abort();
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.peer.address)
    }
}
