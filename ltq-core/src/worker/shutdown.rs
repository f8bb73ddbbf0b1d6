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

    /// Waits for the first request. Safe to drop.
    pub async fn requested(&self) {
        self.drain.cancelled().await;
    }

    /// Waits for the second request. Safe to drop.
    pub async fn requested_again(&self) {
        self.hand_back.cancelled().await;
    }
}
