//! Sending many messages: cut into calls per queue, encoded while the call before is in flight.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::coalesce::{QueueSender, Submitted};
use super::{Client, SendError};
use crate::broker::{Entry, Publish};
use crate::message::{Message, MessageId};

/// A call of a bulk carries no more than about this many bytes.
const CHUNK_BYTES: usize = 1024 * 1024;
/// How many calls may be under way before more messages are encoded: one in flight, one ready to follow.
const CALLS_AHEAD: usize = 2;

/// Messages of one queue that wait for their call.
struct Chunk {
    sender: Arc<QueueSender>,
    entries: Vec<Entry>,
    ids: Vec<MessageId>,
    bytes: usize,
}

/// A call under way and the messages in it.
struct Call {
    sender: Arc<QueueSender>,
    submitted: Result<Submitted, SendError>,
    ids: Vec<MessageId>,
}

/// The messages of one bulk.
#[derive(Default)]
struct Bulk {
    ids: Vec<MessageId>,
    /// By the address of their sender.
    chunks: HashMap<usize, Chunk>,
    calls: VecDeque<Call>,
    /// Messages whose call failed, and why the first one did.
    failed: HashSet<MessageId>,
    error: Option<SendError>,
}

pub(super) async fn send(
    client: &Client,
    messages: impl IntoIterator<Item = Message>,
) -> Result<Vec<MessageId>, SendError> {
    let mut bulk = Bulk::default();
    for message in messages {
        if let Err(error) = bulk.add(client, message) {
            bulk.error = Some(error);
        }
        while bulk.calls.len() > CALLS_AHEAD {
            bulk.finish_one(client).await;
        }
        if bulk.error.is_some() {
            break;
        }
    }
    bulk.finish(client).await
}

impl Bulk {
    /// Adds a message; submits its chunk when that is full.
    fn add(&mut self, client: &Client, message: Message) -> Result<(), SendError> {
        let (id, sender, entry) = client.prepare(message)?;
        let chunk = self.chunks.entry(Arc::as_ptr(&sender).addr()).or_insert_with(|| Chunk {
            sender,
            entries: Vec::new(),
            ids: Vec::new(),
            bytes: 0,
        });
        chunk.bytes += entry.payload.len();
        chunk.entries.push(entry);
        chunk.ids.push(id);
        self.ids.push(id);
        if chunk.entries.len() == Publish::MAX_ENTRIES || chunk.bytes >= CHUNK_BYTES {
            self.calls.extend(chunk.submit());
        }
        Ok(())
    }

    async fn finish_one(&mut self, client: &Client) {
        let Some(call) = self.calls.pop_front() else { return };
        let result = match (call.submitted, call.ids.first()) {
            (Ok(mut submitted), Some(first)) => submitted.finished(*first).await,
            (Ok(_), None) => Ok(()),
            (Err(error), _) => Err(error),
        };
        client.sent(call.sender.queue(), &call.ids, result.as_ref().err());
        if let Err(error) = result {
            if !error.is_enqueued() {
                self.failed.extend(call.ids);
            }
            self.error.get_or_insert(error);
        }
    }

    /// Submits what is left, waits for every call, and says how it went.
    async fn finish(mut self, client: &Client) -> Result<Vec<MessageId>, SendError> {
        if self.error.is_none() {
            for mut chunk in std::mem::take(&mut self.chunks).into_values() {
                self.calls.extend(chunk.submit());
            }
        } else {
            // The messages that were never submitted did not fail, but they were not accepted either.
            for chunk in self.chunks.values() {
                self.failed.extend(&chunk.ids);
            }
        }
        while !self.calls.is_empty() {
            self.finish_one(client).await;
        }
        match self.error {
            None => Ok(self.ids),
            Some(source) => {
                self.ids.retain(|id| !self.failed.contains(id));
                Err(SendError::Partial { accepted: self.ids, source: Box::new(source) })
            }
        }
    }
}

impl Chunk {
    fn submit(&mut self) -> Option<Call> {
        if self.entries.is_empty() {
            return None;
        }
        self.bytes = 0;
        let submitted = self.sender.submit(std::mem::take(&mut self.entries));
        Some(Call { sender: Arc::clone(&self.sender), submitted, ids: std::mem::take(&mut self.ids) })
    }
}
