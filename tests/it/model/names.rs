//! [`Names`]: ids that the two brokers made up for the same message, and everything they say in one of the two languages.

use std::collections::HashMap;

use ltq_core::broker::{Delivered, Settlement, TurnReply};
use ltq_core::message::{DeadLetter, MessageId};

/// From the id on Redis to the id in memory, where they differ.
#[derive(Default)]
pub(super) struct Names {
    to_memory: HashMap<MessageId, MessageId>,
    to_redis: HashMap<MessageId, MessageId>,
}

impl Names {
    /// Learns that two deliveries are the same one. Ids must be the same unless both were made up.
    pub(super) fn learn(&mut self, redis: &Delivered, memory: &Delivered) {
        if redis.id != memory.id && is_made_up(redis) && is_made_up(memory) && redis.payload == memory.payload {
            self.to_memory.insert(redis.id, memory.id);
            self.to_redis.insert(memory.id, redis.id);
        }
    }

    /// What Redis said, in memory's ids.
    pub(super) fn reply(&self, mut reply: TurnReply) -> TurnReply {
        for delivered in &mut reply.deliveries {
            delivered.id = self.memory(delivered.id);
        }
        reply
    }

    pub(super) fn letters(&self, mut letters: Vec<DeadLetter>) -> Vec<DeadLetter> {
        for letter in &mut letters {
            letter.id = self.memory(letter.id);
        }
        letters
    }

    /// What memory is told, in the ids of Redis.
    pub(super) fn settlement(&self, settlement: &Settlement) -> Settlement {
        let mut settlement = settlement.clone();
        match &mut settlement {
            Settlement::Done { id } | Settlement::Retry { id, .. } | Settlement::Return { id, .. } => {
                *id = self.redis(*id);
            }
            Settlement::Dead(letter) => letter.id = self.redis(letter.id),
        }
        settlement
    }

    pub(super) fn redis(&self, id: MessageId) -> MessageId {
        self.to_redis.get(&id).copied().unwrap_or(id)
    }

    fn memory(&self, id: MessageId) -> MessageId {
        self.to_memory.get(&id).copied().unwrap_or(id)
    }
}

fn is_made_up(delivered: &Delivered) -> bool {
    delivered.payload.get(4..20) != Some(delivered.id.as_bytes()) || delivered.payload[0] >> 4 != 9
}
