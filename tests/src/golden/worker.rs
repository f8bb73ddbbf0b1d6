//! [`GoldenWorker`]: takes and settles by hand what it reads with its own reader.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ltq_core::broker::{Broker, DeadLimits, Delivered, Settlement, Turn, WorkerId};
use ltq_core::message::QueueName;

use super::wire::{GoldenMessage, Read};

/// A worker of version 1; its messages are the caller's to decide about.
#[derive(Debug)]
pub struct GoldenWorker {
    broker: Arc<dyn Broker>,
    queue: QueueName,
    id: WorkerId,
    sequence: u64,
}

impl GoldenWorker {
    /// A worker that has not said anything yet.
    ///
    /// # Panics
    ///
    /// A queue cannot be called that.
    #[must_use]
    pub fn new(broker: Arc<dyn Broker>, queue: &str) -> Self {
        Self { broker, queue: QueueName::new(queue).unwrap(), id: WorkerId::new(), sequence: 0 }
    }

    /// Takes up to `want` messages.
    pub async fn take(&mut self, want: usize) -> Vec<(Delivered, Read)> {
        let deliveries = self.turn(Vec::new(), want).await;
        deliveries
            .into_iter()
            .map(|delivered| {
                let read = GoldenMessage::read(&delivered.payload);
                (delivered, read)
            })
            .collect()
    }

    /// Ends a message well.
    pub async fn done(&mut self, taken: &Delivered) {
        self.turn(vec![taken.done()], 0).await;
    }

    /// Puts bytes back, ready after `delay`.
    pub async fn retry(&mut self, taken: &Delivered, payload: Bytes, delay: Duration) {
        self.turn(vec![taken.retry(payload, delay)], 0).await;
    }

    /// # Panics
    ///
    /// The broker fails, or refuses what was settled.
    async fn turn(&mut self, settlements: Vec<Settlement>, want: usize) -> Vec<Delivered> {
        self.sequence += 1;
        let turn = Turn {
            queue: self.queue.clone(),
            worker: self.id.clone(),
            sequence: self.sequence,
            lease: Duration::from_secs(8),
            settlements,
            want,
            backlog: true,
            full: false,
            discarded: 0,
            dead_limits: DeadLimits::default(),
        };
        let reply = self.broker.turn(&turn).await.unwrap();
        assert_eq!((reply.lost, reply.refused), (false, 0));
        reply.taken
    }
}
