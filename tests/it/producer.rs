//! A producer for tests in which something breaks: it notes what was accepted and counts what was not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ltq::Client;
use ltq_tests::conformance::eventually;
use ltq_tests::tasks;
use tokio::task::JoinHandle;

/// A program that sends, message after message, until it is told to stop.
pub(crate) struct Producer {
    accepted: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    sending: JoinHandle<BTreeSet<String>>,
}

impl Producer {
    /// Sends over `client`, in several tasks at once.
    pub(crate) fn start(client: &Client) -> Self {
        let (accepted, failed, stop) = (Arc::default(), Arc::default(), Arc::new(AtomicBool::new(false)));
        let sending = tokio::spawn(send_all(client.clone(), Arc::clone(&accepted), Arc::clone(&failed), stop.clone()));
        Self { accepted, failed, stop, sending }
    }

    /// Waits until this many more sends have been accepted.
    pub(crate) async fn accepts(&self, more: usize) {
        let wanted = self.accepted.load(Ordering::Relaxed) + more;
        eventually(async || (self.accepted.load(Ordering::Relaxed) >= wanted).then_some(())).await;
    }

    /// Waits until a send has failed.
    pub(crate) async fn fails(&self) {
        let before = self.failed.load(Ordering::Relaxed);
        eventually(async || (self.failed.load(Ordering::Relaxed) > before).then_some(())).await;
    }

    /// Stops; returns the keys that were accepted and how many sends failed.
    pub(crate) async fn finish(self) -> (BTreeSet<String>, usize) {
        self.stop.store(true, Ordering::Relaxed);
        (self.sending.await.unwrap(), self.failed.load(Ordering::Relaxed))
    }
}

async fn send_all(
    client: Client,
    accepted: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> BTreeSet<String> {
    let lanes = (0..4).map(|lane| {
        let (client, accepted, failed, stop) = (client.clone(), accepted.clone(), failed.clone(), stop.clone());
        tokio::spawn(async move {
            let mut keys = BTreeSet::new();
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let key = format!("{lane}-{number}");
                match client.send(tasks::work.message(key.as_str(), 1)).await {
                    Ok(_) => {
                        keys.insert(key);
                        accepted.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_) => drop(failed.fetch_add(1, Ordering::Relaxed)),
                }
            }
            keys
        })
    });
    let mut keys = BTreeSet::new();
    for lane in lanes.collect::<Vec<_>>() {
        keys.append(&mut lane.await.unwrap());
    }
    keys
}
