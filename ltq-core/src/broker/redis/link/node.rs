//! [`Node`]: the connection to one server, or to the primary that sentinels name, and the task that drives it.
//!
//! The first connect fails at once and says why, because a wrong address is a mistake to mend. After that the connection
//! comes back by itself for ever: a worker must outlive any trouble of its server. A server that is silent for too long,
//! or for one whole call, has its connection replaced; nobody has to ask for that.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::config::{Options, Server};
use fred::types::{ConnectHandle, Value as Answer};
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::error::{Peer, translate};
use super::request::Request;
use super::settings::Settings;
use crate::broker::BrokerError;

/// The oldest server that has what the scripts use (`LPOP` with a count).
const OLDEST_SERVER: (u64, u64) = (6, 2);
/// How often the first connect is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How long a polite goodbye may take.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// The connection to a server. Dropping it closes it.
pub(super) struct Node {
    client: Client,
    /// The task that serves the client. Ends only with the client, or when an error is beyond reconnecting.
    driver: Mutex<ConnectHandle>,
    peer: Peer,
    call_timeout: Duration,
    /// How long a call may go unanswered.
    silence: Duration,
    /// How often any connection to this server found it silent.
    silences: Arc<AtomicU64>,
    /// How many of these this connection has drawn its conclusion from.
    heeded: AtomicU64,
    /// When it was last replaced, because a call went unanswered or its server took no writes.
    replaced: Mutex<Option<Instant>>,
    /// What the client told of errors that it tries to mend by itself.
    troubles: Mutex<broadcast::Receiver<(Error, Option<Server>)>>,
}

impl Node {
    /// Begins to connect; the task that drives the connection runs on the current runtime. Without a `server` it is the one
    /// of the address.
    ///
    /// `call_timeout` bounds each call; zero means that the caller bounds it.
    pub(super) fn start(settings: &Settings, server: Option<&Server>, call_timeout: Duration) -> Self {
        let client = settings.client(server, call_timeout);
        let silences = settings.silences(server);
        Self {
            troubles: Mutex::new(client.error_rx()),
            driver: Mutex::new(client.connect()),
            client,
            peer: settings.peer(server),
            call_timeout,
            silence: settings.silence(call_timeout),
            heeded: AtomicU64::new(silences.load(Ordering::Relaxed)),
            silences,
            replaced: Mutex::new(None),
        }
    }

    /// Waits until it is connected for the first time and looks at the server.
    pub(super) async fn connected(&mut self, settings: &Settings) -> Result<(), BrokerError> {
        let waited = settings.connect_timeout();
        let connected = match tokio::time::timeout(waited, self.first_connect(waited)).await {
            Ok(connected) => connected,
            Err(_) => Err(BrokerError::Timeout { address: self.peer.address.clone(), call: "connect", waited }),
        };
        match connected {
            // A server that does not encrypt may wait for the rest of what it takes for a command.
            Err(BrokerError::Timeout { .. }) if settings.is_encrypted() => {
                let reason =
                    format!("no answer within {waited:?}; if the server does not speak TLS, write redis:// instead");
                return Err(self.unavailable(&reason));
            }
            connected => connected?,
        }
        self.check_answers().await?;
        self.check_version()
    }

    /// Where the server is, without a password.
    pub(super) fn address(&self) -> &str {
        &self.peer.address
    }

    /// Makes a request.
    pub(super) async fn call(&self, request: &impl Request) -> Result<Answer, BrokerError> {
        self.heed().await;
        let answer = self.watch(pin!(request.send(&self.client))).await;
        answer.map_err(|error| self.refused(request.call(), &error))
    }

    /// Makes a request, for as long as the caller waits.
    pub(super) async fn call_once(&self, request: &impl Request) -> Result<Answer, BrokerError> {
        self.heed().await;
        request.send(&self.client).await.map_err(|error| self.error(request.call(), &error))
    }

    /// The client, for calls.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// How long a call may go unanswered before the connection is replaced.
    pub(super) fn silence(&self) -> Duration {
        self.silence
    }

    /// The server's version, major and minor; `None` where it hides it.
    pub(super) fn version(&self) -> Option<(u64, u64)> {
        self.client.server_version().map(|version| (version.major, version.minor))
    }

    /// Makes good what happened since the last call: another connection found the server silent, which this one could not
    /// notice with nothing in flight; or the client has given up, which it does after some errors in spite of its policy.
    pub(super) async fn heed(&self) {
        let silences = self.silences.load(Ordering::Relaxed);
        if self.heeded.swap(silences, Ordering::Relaxed) != silences || self.driver().is_finished() {
            self.replace(self.call_timeout).await;
        }
    }

    /// Waits for an answer, and replaces the connection when there is none for too long. The client watches too, but counts
    /// from the last call it wrote: a connection that is in steady use and never answered would live on.
    async fn watch<T>(&self, mut answer: Pin<&mut impl Future<Output = T>>) -> T {
        let mut patience = self.silence;
        loop {
            if let Ok(answer) = tokio::time::timeout(patience, answer.as_mut()).await {
                return answer;
            }
            patience = self.silence / 2;
            if self.may_be_dead() {
                self.silent();
                tokio::select! {
                    answer = answer.as_mut() => return answer,
                    () = self.replace(self.silence) => {}
                }
            }
        }
    }

    /// Whether a connection on which a call goes unanswered has to be replaced. Without one the client is looking for it
    /// already.
    pub(super) fn may_be_dead(&self) -> bool {
        (self.client.is_connected() || self.driver().is_finished()) && self.may_replace()
    }

    /// Tells the other connections to this server that it is silent.
    pub(super) fn silent(&self) {
        let silences = self.silences.fetch_add(1, Ordering::Relaxed) + 1;
        self.heeded.store(silences, Ordering::Relaxed);
    }

    /// What a failed call means. Where the server takes no writes, the address may lead to another one by now; where it took
    /// a whole call without an answer, the connection is worth nothing.
    pub(super) fn refused(&self, call: &'static str, error: &Error) -> BrokerError {
        let error = self.error(call, error);
        if matches!(error, BrokerError::ReadOnly { .. } | BrokerError::Timeout { .. }) && self.may_replace() {
            let client = self.client.clone();
            tokio::spawn(async move { client.force_reconnection().await });
        }
        error
    }

    /// What a failed call means for the caller.
    pub(super) fn error(&self, call: &'static str, error: &Error) -> BrokerError {
        translate(&self.peer, call, self.call_timeout, error)
    }

    /// The last thing the client told of an error that it tries to mend by itself, since this was asked last.
    pub(super) fn trouble(&self) -> Option<Error> {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        loop {
            match troubles.try_recv() {
                Ok((error, _)) => last = Some(error),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => return last,
            }
        }
    }

    /// Replaces the connection under the client; calls in flight are repeated on the new one.
    pub(super) async fn replace(&self, at_most: Duration) {
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
    pub(super) async fn close(&self) {
        let _ = tokio::time::timeout(QUIT_TIMEOUT, self.client.quit()).await;
        self.driver().abort();
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
                "the server is Redis {has_major}.{has_minor}, LTQ needs {major}.{minor} or newer; update the server"
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

impl Drop for Node {
    fn drop(&mut self) {
        // The driver keeps itself alive, so nothing else would ever close the socket.
        self.driver().abort();
    }
}
