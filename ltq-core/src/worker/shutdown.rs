//! [`Shutdown`]: the two-stage stop.

use tokio_util::sync::CancellationToken;

/// Asks a worker to stop. Cheap to clone; clones are the same request.
///
/// The first stage takes nothing new and gives running tasks their time; the second hands back what still runs at once.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    hand_back: CancellationToken,
}

impl Shutdown {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A request of its own that is also made, stage by stage, whenever this one is.
    pub(super) fn child(&self) -> Self {
        Self { drain: self.drain.child_token(), hand_back: self.hand_back.child_token() }
    }

    /// Asks once: takes nothing new, waits for what runs. Asking again hands back what still runs.
    pub fn request(&self) {
        if self.drain.is_cancelled() {
            self.hand_back.cancel();
        }
        self.drain.cancel();
    }

    /// Both stages at once.
    pub fn request_now(&self) {
        self.drain.cancel();
        self.hand_back.cancel();
    }

    /// Whether somebody has asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Whether somebody has asked twice.
    #[must_use]
    pub fn is_requested_again(&self) -> bool {
        self.hand_back.is_cancelled()
    }

    /// Asks at each ctrl-c and SIGTERM the process gets. The handlers are in place when this returns; the future it
    /// returns acts on them and never ends.
    ///
    /// # Errors
    ///
    /// The handlers could not be installed.
    pub fn on_signals(&self) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
        let shutdown = self.clone();
        #[cfg(unix)]
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        #[cfg(unix)]
        let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        Ok(async move {
            loop {
                #[cfg(unix)]
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                #[cfg(not(unix))]
                if tokio::signal::ctrl_c().await.is_err() {
                    return std::future::pending().await;
                }
                shutdown.request();
            }
        })
    }

    /// Waits for the first request. Safe to drop.
    pub async fn requested(&self) {
        self.drain.cancelled().await;
    }

    /// Waits for the second request. Safe to drop.
    pub async fn requested_again(&self) {
        self.hand_back.cancelled().await;
    }
}
