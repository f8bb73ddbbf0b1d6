//! [`DeadLetter`]: a message that ended without success, kept with the reason.

use std::fmt;

use bytes::Bytes;
use rmp::{decode, encode};
use serde::{Deserialize, Serialize};

use super::codec::{broken, read_bin, read_int, read_str};
use super::{Arguments, DecodeError, Envelope, MessageId};

/// Why a message ended without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadReason {
    /// Its attempts are used up, or no retry was configured.
    Failed,
    /// The task or a middleware returned `RejectMessage`.
    Rejected,
    /// It was older than its `max_age` when its turn came.
    Expired,
    /// Its bytes, or its arguments, could not be read.
    Undecodable,
    /// No worker that met it knows its task, for longer than the grace.
    UnknownTask,
    /// It was being run each time its worker died, too often.
    Crashed,
    /// A newer version of LTQ wrote a reason that this one does not know.
    Unknown,
}

impl DeadReason {
    const ALL: [Self; 6] =
        [Self::Failed, Self::Rejected, Self::Expired, Self::Undecodable, Self::UnknownTask, Self::Crashed];

    /// The reason of that name. A name this version does not know must not hide the letter.
    fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name).unwrap_or(Self::Unknown)
    }

    /// The reason as one word, as tools print it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Undecodable => "undecodable",
            Self::UnknownTask => "unknown_task",
            Self::Crashed => "crashed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message that ended without success: what it was, why it ended, and what it would take to run it again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The message's id; made up by the broker where the bytes held none.
    pub id: MessageId,
    /// Why it ended.
    pub reason: DeadReason,
    /// The text of the last error, at most 4,096 bytes long.
    pub error: String,
    /// How many attempts were made, the last one included.
    pub attempts: u32,
    /// When it ended, in milliseconds since the Unix epoch, by the broker's clock; 0 until it is stored.
    pub died_at_ms: u64,
    /// The message, byte for byte, but for the recoveries, which are added to its requeues. For brokers.
    #[doc(hidden)]
    pub payload: Bytes,
}

/// Longer error texts are cut.
const MAX_ERROR_BYTES: usize = 4096;
/// What ends a text that was cut.
const CUT: &str = "…";

/// How many elements the array of a record has. Readers accept more.
const FIELDS: u32 = 4;

impl DeadLetter {
    /// A dead letter for `payload`; an error text over 4,096 bytes is cut. For workers.
    #[doc(hidden)]
    #[must_use]
    pub fn new(id: MessageId, reason: DeadReason, error: impl Into<String>, attempts: u32, payload: Bytes) -> Self {
        let mut error = error.into();
        if error.len() > MAX_ERROR_BYTES {
            error.truncate(error.floor_char_boundary(MAX_ERROR_BYTES - CUT.len()));
            error.push_str(CUT);
        }
        Self { id, reason, error, attempts, died_at_ms: 0, payload }
    }

    /// The name of the task that did not succeed.
    ///
    /// # Errors
    ///
    /// The bytes of the message cannot be read, which may be why it died; the error says what is wrong with them.
    pub fn task(&self) -> Result<&str, DecodeError> {
        Ok(Envelope::decode(&self.payload)?.task)
    }

    /// The queue it was sent to.
    ///
    /// # Errors
    ///
    /// As [`task`](Self::task).
    pub fn queue(&self) -> Result<&str, DecodeError> {
        Ok(Envelope::decode(&self.payload)?.queue)
    }

    /// Its arguments, by name. They may hold secrets: do not log them unasked.
    ///
    /// # Errors
    ///
    /// As [`task`](Self::task).
    pub fn arguments(&self) -> Result<Arguments, DecodeError> {
        Arguments::of_payload(&self.payload)
    }

    /// The record that is stored under the id: a MessagePack array of reason, error, attempts and payload. For brokers.
    ///
    /// The time of death is the broker's and stands beside it.
    #[doc(hidden)]
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut record = Vec::with_capacity(32 + self.error.len() + self.payload.len());
        // Writing into a `Vec` cannot fail, so there is no error to hand on.
        let _ = self.write(&mut record);
        record.into()
    }

    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        encode::write_array_len(out, FIELDS)?;
        encode::write_str(out, self.reason.as_str())?;
        encode::write_str(out, &self.error)?;
        encode::write_uint(out, u64::from(self.attempts))?;
        encode::write_bin(out, &self.payload)?;
        Ok(())
    }

    /// Reads a stored record. Never panics, whatever the bytes. For brokers.
    ///
    /// # Errors
    ///
    /// The record is broken.
    #[doc(hidden)]
    pub fn decode(id: MessageId, died_at_ms: u64, record: &Bytes) -> Result<Self, DecodeError> {
        let mut rest: &[u8] = record;
        let fields = decode::read_array_len(&mut rest).map_err(|error| broken("dead letter", error))?;
        if fields < FIELDS {
            return Err(broken("dead letter", format!("{fields} fields of {FIELDS}")));
        }
        let reason = DeadReason::from_name(read_str(&mut rest, "reason")?);
        let error = read_str(&mut rest, "error")?.to_owned();
        let attempts = read_int(&mut rest, "attempts")?;
        let payload = record.slice_ref(read_bin(&mut rest, "payload")?);
        Ok(Self { id, reason, error, attempts, died_at_ms, payload })
    }

    /// The bytes that run the message afresh: no attempt charged, its age counted from `now_ms` (milliseconds since the
    /// Unix epoch), what the library noted in its carried map forgotten. The delivery number goes on growing. Bytes that
    /// cannot be read stay as they are. For brokers.
    #[doc(hidden)]
    #[must_use]
    pub fn replay_payload(&self, now_ms: u64) -> Bytes {
        match Envelope::decode(&self.payload) {
            Ok(mut envelope) => {
                envelope.attempts = 0;
                envelope.requeues = envelope.requeues.saturating_add(1);
                envelope.created_at_ms = now_ms;
                envelope.carried.0.retain(|key, _| !key.starts_with("ltq."));
                envelope.encode()
            }
            Err(_) => self.payload.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_round_trips() {
        let id = MessageId::new();
        let letter =
            DeadLetter::new(id, DeadReason::Rejected, "no such repository", 3, Bytes::from_static(b"\x01\xff"));
        let read = DeadLetter::decode(id, 7, &letter.encode()).unwrap();
        assert_eq!(read, DeadLetter { died_at_ms: 7, ..letter });
    }

    #[test]
    fn a_replay_starts_afresh_and_stays_ahead_of_late_writers() {
        let id = MessageId::new();
        let mut envelope = Envelope::new(id, "task", "queue", 5, b"\x80");
        (envelope.attempts, envelope.requeues) = (4, 6);
        envelope.carried.set("ltq.unknown_since", &1_u8).unwrap();
        envelope.carried.set("mine", &2_u8).unwrap();
        let letter = DeadLetter::new(id, DeadReason::Failed, "", 5, envelope.encode());
        let payload = letter.replay_payload(1_000);
        let replayed = Envelope::decode(&payload).unwrap();
        assert_eq!((replayed.attempts, replayed.requeues, replayed.created_at_ms), (0, 7, 1_000));
        assert_eq!(replayed.carried.keys().collect::<Vec<_>>(), ["mine"]);
    }

    #[test]
    fn it_says_what_died_or_that_it_cannot_be_read() {
        let id = MessageId::new();
        let args = super::super::encode_args(&std::collections::BTreeMap::from([("user", 7)])).unwrap();
        let payload = Envelope::new(id, "app::mail", "mail", 5, &args).encode();
        let letter = DeadLetter::new(id, DeadReason::Failed, "no luck", 5, payload);
        assert_eq!((letter.task().unwrap(), letter.queue().unwrap()), ("app::mail", "mail"));
        assert_eq!(letter.arguments().unwrap().get::<u8>("user").unwrap(), Some(7));
        let garbage = DeadLetter::new(id, DeadReason::Undecodable, "", 0, Bytes::from_static(b"who knows"));
        let unreadable = DecodeError::NotAnEnvelope { length: 9 };
        assert_eq!(garbage.task().unwrap_err(), unreadable);
        assert_eq!(garbage.queue().unwrap_err(), unreadable);
        assert_eq!(garbage.arguments().unwrap_err(), unreadable);
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let letter = DeadLetter::new(MessageId::new(), DeadReason::Failed, "ä".repeat(5000), 1, Bytes::new());
        assert!(letter.error.len() <= MAX_ERROR_BYTES);
        assert!(letter.error.ends_with('…'));
    }

    #[test]
    fn broken_records_are_an_error() {
        assert!(DeadLetter::decode(MessageId::new(), 0, &Bytes::from_static(b"\x94\x01")).is_err());
    }
}
