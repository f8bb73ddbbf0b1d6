//! [`MessageId`]: a UUIDv7 (RFC 9562), so that ids sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Identifies one message for its whole life, through retries and recoveries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// A new id. Ids made by one process are strictly increasing.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default id would suggest a fixed value")]
    pub fn new() -> Self {
        Self(Uuid::now_v7().into_bytes())
    }

    /// An id from its 16 bytes. Any bytes are accepted: an id is compared, never interpreted.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// When the id was made, in milliseconds since the Unix epoch, by its maker's clock (RFC 9562, section 5.7).
    #[must_use]
    pub const fn timestamp_ms(&self) -> u64 {
        let [a, b, c, d, e, f, ..] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The 16 bytes, as they stand in an envelope.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(Uuid::from_bytes_ref(&self.0).as_hyphenated(), f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a message id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a message id: expected a UUID like 018f4d1e-7b5a-7cc0-8000-0123456789ab")]
pub struct ParseIdError {
    text: String,
}

impl FromStr for MessageId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text)
            .map(|uuid| Self(uuid.into_bytes()))
            .map_err(|_| ParseIdError { text: text.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let id = MessageId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn ids_increase() {
        let ids: Vec<_> = (0..1000).map(|_| MessageId::new()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn nonsense_is_named_in_the_error() {
        let error = "nonsense".parse::<MessageId>().unwrap_err();
        assert!(error.to_string().contains("`nonsense`"), "{error}");
    }
}
