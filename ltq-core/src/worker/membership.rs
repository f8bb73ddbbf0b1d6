//! [`Membership`]: this worker's standing on one queue.
//!
//! The fetch loop registers, the heartbeat renews; whichever learns first that the lease was lost starts a new
//! incarnation. A new one has a new name, so a late result of the old one can never be taken for a result of the new.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::broker::{ProcessId, WorkerId};
use crate::message::QueueName;

/// One life of this worker on one queue.
#[derive(Debug, Clone)]
pub(super) struct Incarnation {
    /// Its name at the broker.
    pub(super) worker: WorkerId,
    /// Its number, from 0.
    pub(super) epoch: u64,
    /// Whether the broker has confirmed it.
    pub(super) registered: bool,
    /// Cancels everything it runs.
    pub(super) cancellation: CancellationToken,
}

impl Incarnation {
    fn new(process: &ProcessId, epoch: u64) -> Self {
        Self { worker: WorkerId::of(process, epoch), epoch, registered: false, cancellation: CancellationToken::new() }
    }
}

/// This worker's standing on one queue, shared by the fetch loop and the heartbeat.
#[derive(Debug)]
pub(super) struct Membership {
    queue: QueueName,
    process: ProcessId,
    current: Mutex<Incarnation>,
    /// The epoch of the current incarnation, for who only asks whether it has changed.
    epoch: AtomicU64,
    /// Whether the queue is closed for this worker.
    closed: AtomicBool,
    /// Whether the broker has a record that describes this process.
    described: AtomicBool,
}

impl Membership {
    pub(super) fn new(queue: QueueName, process: ProcessId) -> Self {
        Self {
            queue,
            current: Mutex::new(Incarnation::new(&process, 0)),
            process,
            epoch: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            described: AtomicBool::new(false),
        }
    }

    pub(super) fn queue(&self) -> &QueueName {
        &self.queue
    }

    pub(super) fn current(&self) -> Incarnation {
        self.lock().clone()
    }

    /// The number of the current incarnation.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The broker has confirmed the incarnation `epoch`.
    pub(super) fn confirm(&self, epoch: u64) {
        let mut current = self.lock();
        if current.epoch == epoch {
            current.registered = true;
        }
    }

    /// The incarnation `epoch` has lost its lease: cancels what it runs and starts the next. Says whether it was news.
    pub(super) fn lose(&self, epoch: u64) -> bool {
        let mut current = self.lock();
        if current.epoch != epoch {
            return false;
        }
        current.cancellation.cancel();
        *current = Incarnation::new(&self.process, epoch + 1);
        self.epoch.store(epoch + 1, Ordering::Release);
        true
    }

    /// Whether the next renewal is to describe this process.
    pub(super) fn is_to_be_described(&self) -> bool {
        !self.described.load(Ordering::Relaxed)
    }

    /// Whether the last renewal found or made a record that describes this process.
    pub(super) fn set_described(&self, described: bool) {
        self.described.store(described, Ordering::Relaxed);
    }

    /// Whether the queue is closed for this worker: its lease is not renewed any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes the queue for this worker, and cancels what it runs of it: when the lease ends, that is somebody else's.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.lose(self.epoch());
    }

    fn lock(&self) -> MutexGuard<'_, Incarnation> {
        // The only change is one assignment, so a poisoned value is whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
