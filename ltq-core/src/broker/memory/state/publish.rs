//! Putting messages on a queue; beside `lua/publish`.

use super::{Full, MEMORY_MS, Producer, Queue, REMEMBERED, count};
use crate::broker::memory::clock::{ceil_ms, unix_ms};
use crate::broker::{Answer, Publish};
use crate::message::Due;

impl Queue {
    /// Puts entries on the queue, unless it is a repeat. Returns the answers, and whether an idle worker should look.
    pub(in crate::broker::memory) fn publish(
        &mut self,
        bulk: &Publish,
        now_ms: u64,
    ) -> Result<(Vec<Answer>, bool), Full> {
        if bulk.entries.is_empty() {
            return Ok((Vec::new(), false));
        }
        if let Some(seen) = self.producers.get(&bulk.producer)
            && bulk.sequence <= seen.sequence
        {
            return Ok((seen.answers.clone(), false));
        }
        let waiting = count(self.ready.len() + self.scheduled.len());
        if let Some(limit) = bulk.max_waiting.filter(|limit| waiting >= *limit) {
            return Err(Full { limit });
        }
        if self.producers.len() >= REMEMBERED {
            self.producers.retain(|_, seen| now_ms.saturating_sub(seen.seen_at_ms) < MEMORY_MS);
        }
        let answers = if bulk.answered { vec![Answer::New; bulk.entries.len()] } else { Vec::new() };
        let producer = Producer { sequence: bulk.sequence, answers: answers.clone(), seen_at_ms: now_ms };
        self.producers.insert(bulk.producer, producer);

        let (mut wake, mut earliest) = (false, None);
        for entry in &bulk.entries {
            let due_ms = match entry.due {
                Due::Now => now_ms,
                Due::After(delay) => now_ms.saturating_add(ceil_ms(delay)),
                Due::At(time) => unix_ms(time),
            };
            if due_ms <= now_ms {
                self.ready.push_back(entry.payload.clone());
                wake = true;
            } else {
                self.scheduled.insert(due_ms, entry.payload.clone());
                earliest = earliest.into_iter().chain([due_ms]).min();
            }
        }
        Ok((answers, wake || earliest.is_some() && self.scheduled.first_ms() == earliest))
    }
}
