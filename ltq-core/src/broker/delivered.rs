//! [`Delivered`]: a message in the hands of a worker, and how the worker names it to the broker.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use bytes::Bytes;

use super::{Effect, End, Settlement, WorkerId};
use crate::message::{DeadLetter, MessageId};

/// Where in the hands of a worker a message is: the turn that took it, and its index among what that turn took.
///
/// No two messages of one worker have the same place, whatever their bytes. The order of places is the order in which
/// the messages were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The sequence number of the turn.
    pub turn: u64,
    /// The index among what that turn took, from 0; below [`Turn::MAX_WANT`](super::Turn::MAX_WANT).
    pub index: u16,
}

impl Place {
    /// As the scripts write it: the turn in 6 bytes, the index in 2. Turns beyond 2^48 are out of reach.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        let [_, _, a, b, c, d, e, f] = self.turn.to_be_bytes();
        let [high, low] = self.index.to_be_bytes();
        [a, b, c, d, e, f, high, low]
    }
}

/// One message in the hands of a worker.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The envelope's id, or a made-up one where the bytes are no envelope.
    pub id: MessageId,
    /// What it is settled by.
    pub place: Place,
    /// The envelope's bytes.
    pub payload: Bytes,
    /// How often it was recovered from a worker that died.
    pub recoveries: u64,
}

impl Delivered {
    /// What `worker` has taken to `place`; `recoveries` are asked for by id.
    pub(crate) fn new(
        worker: &WorkerId,
        place: Place,
        payload: Bytes,
        recoveries: impl FnOnce(MessageId) -> u64,
    ) -> Self {
        match header_id(&payload) {
            Some(id) => Self { id, place, payload, recoveries: recoveries(id) },
            None => Self { id: made_up_id(worker, place), place, payload, recoveries: 0 },
        }
    }

    /// Settles it: done.
    #[must_use]
    pub fn done(&self) -> Settlement {
        self.ended(End::Done)
    }

    /// Settles it: to wait for `delay` as `payload`, then to run again.
    #[must_use]
    pub fn retry(&self, payload: Bytes, delay: Duration) -> Settlement {
        Settlement::new(self.place, End::Retry { payload, delay })
    }

    /// Settles it: back to the head of the queue as `payload`, unfinished and uncharged.
    #[must_use]
    pub fn hand_back(&self, payload: Bytes) -> Settlement {
        Settlement::new(self.place, End::Return { payload })
    }

    /// Settles it: ended without success.
    #[must_use]
    pub fn dead(&self, letter: DeadLetter) -> Settlement {
        self.ended(End::Dead { letter })
    }

    /// A message that has ended leaves no note.
    fn ended(&self, end: End) -> Settlement {
        let settlement = Settlement::new(self.place, end);
        if self.recoveries > 0 { settlement.with(Effect::Forget(self.id)) } else { settlement }
    }
}

impl fmt::Debug for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivered({}, {} bytes, {} recoveries)", self.id, self.payload.len(), self.recoveries)
    }
}

/// The id of an envelope, cut out without decoding it; `None` where the bytes are no envelope.
///
/// The same check as in the Redis scripts: an array, a version, and the marker of a 16-byte binary.
pub(crate) fn header_id(payload: &Bytes) -> Option<MessageId> {
    match payload.first_chunk::<20>()? {
        [0x90..=0x9f, 1..=127, 0xc4, 16, id @ ..] => Some(MessageId::from_bytes(*id)),
        _ => None,
    }
}

/// The id of a message that has none: the same for the same delivery, another one for every other. Marked as a UUID of
/// version 8 (RFC 9562), which is what hashes are.
fn made_up_id(worker: &WorkerId, place: Place) -> MessageId {
    let hash = |half: u8| {
        let mut hasher = DefaultHasher::new();
        (worker, place, half).hash(&mut hasher);
        hasher.finish().to_be_bytes()
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&hash(0));
    bytes[8..].copy_from_slice(&hash(1));
    bytes[6] = 0x80 | bytes[6] & 0x0f;
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    MessageId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_envelopes_have_an_id_in_their_header(bytes in vec(any::<u8>(), 0..40)) {
            let bytes = Bytes::from(bytes);
            if let Some(id) = header_id(&bytes) {
                prop_assert_eq!(&id.as_bytes()[..], &bytes[4..20]);
                prop_assert_eq!(&bytes[2..4], &[0xc4, 16]);
            }
        }
    }

    #[test]
    fn a_place_is_a_turn_and_a_number_within() {
        let place = Place { turn: 0x0102_0304_0506, index: 0x0708 };
        assert_eq!(place.to_bytes(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn each_delivery_without_an_id_gets_one_of_its_own() {
        let (one, other) = (WorkerId::from_name("1-a"), WorkerId::from_name("2-b"));
        let at = |worker: &WorkerId, turn, index| Delivered::new(worker, Place { turn, index }, Bytes::new(), |_| 0).id;
        assert_eq!(at(&one, 1, 2), at(&one, 1, 2), "a repeated turn tells the same");
        let ids = [at(&one, 1, 2), at(&one, 1, 3), at(&one, 2, 2), at(&other, 1, 2)];
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
    }
}
