//! The tasks that are measured.

use std::sync::OnceLock;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

/// Does nothing. Its argument makes the message about 160 bytes long.
#[ltq::task(queue = "bench")]
pub(crate) async fn noop(padding: String) {
    let _ = padding;
}

/// Where `ping` reports when it ran.
pub(crate) static PINGED: OnceLock<UnboundedSender<Instant>> = OnceLock::new();

/// Says when it ran.
#[ltq::task(queue = "latency")]
pub(crate) async fn ping() {
    if let Some(pinged) = PINGED.get() {
        // The measurement has ended if nobody listens.
        let _ = pinged.send(Instant::now());
    }
}
