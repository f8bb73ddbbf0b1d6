//! [`Buffer`]: how much a client may hold that its broker has not taken yet.
//!
//! Sends wait here while the broker is away or slow. Without a bound a busy service would fill its memory with them;
//! with it the next send fails at once, and the service can say no to its own callers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::SendError;
use crate::broker::Entry;

/// What a waiting message takes beside its bytes.
const OVERHEAD: usize = 128;

/// The bytes that wait, and how many may.
#[derive(Debug)]
pub(super) struct Buffer {
    used: AtomicUsize,
    limit: usize,
}

/// Room taken in a buffer; given back when dropped.
#[derive(Debug)]
pub(super) struct Room {
    buffer: Arc<Buffer>,
    bytes: usize,
}

impl Buffer {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), limit })
    }

    /// Takes room for entries. An empty buffer takes anything, so that whatever may be sent can be.
    pub(super) fn take(self: &Arc<Self>, entries: &[Entry]) -> Result<Room, SendError> {
        let bytes = entries.iter().map(|entry| entry.payload.len() + OVERHEAD).sum();
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            (used == 0 || used.saturating_add(bytes) <= self.limit).then(|| used.saturating_add(bytes))
        });
        match taken {
            Ok(_) => Ok(Room { buffer: Arc::clone(self), bytes }),
            Err(buffered) => Err(SendError::BufferFull { buffered, limit: self.limit }),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.buffer.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::message::Due;

    #[test]
    fn a_full_buffer_takes_nothing_until_there_is_room() {
        let entries = |bytes: usize| [Entry { payload: Bytes::from(vec![0; bytes]), due: Due::Now }];
        let buffer = Buffer::new(1_000);
        let large = buffer.take(&entries(5_000)).unwrap();
        let error = buffer.take(&entries(1)).unwrap_err();
        assert!(matches!(error, SendError::BufferFull { buffered: 5_128, limit: 1_000 }), "{error:?}");
        drop(large);
        let _first = buffer.take(&entries(400)).unwrap();
        let _second = buffer.take(&entries(300)).unwrap();
        assert!(buffer.take(&entries(300)).is_err());
    }
}
