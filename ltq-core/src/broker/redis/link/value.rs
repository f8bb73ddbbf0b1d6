//! [`Value`]: what goes to the server, as an argument of a script or of a command.
//!
//! Payloads are shared, never copied.

use std::time::Duration;

use bytes::Bytes;

use crate::message::MessageId;

/// One argument. It has no debug form, since it may be a payload.
#[derive(Clone)]
pub(crate) enum Value {
    Integer(i64),
    Bytes(Bytes),
}

impl Value {
    /// Text that is part of the program.
    pub(crate) const fn from_static_str(text: &'static str) -> Self {
        Self::Bytes(Bytes::from_static(text.as_bytes()))
    }

    /// As the client wants it.
    pub(super) fn to_client(&self) -> fred::types::Value {
        match self {
            Self::Integer(number) => fred::types::Value::Integer(*number),
            Self::Bytes(bytes) => fred::types::Value::Bytes(bytes.clone()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Bytes(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<MessageId> for Value {
    fn from(id: MessageId) -> Self {
        Self::Bytes(Bytes::copy_from_slice(id.as_bytes()))
    }
}

/// Whole milliseconds, rounded up so that nothing is early; at most some 278 years, so that a sum with the clock is still
/// exact in the scripts' numbers.
pub(crate) fn millis(duration: Duration) -> i64 {
    const MOST: u128 = 1 << 43;
    i64::try_from(duration.as_micros().div_ceil(1_000).min(MOST)).unwrap_or(i64::MAX)
}

/// A count as an argument. Numbers over 2^53, which scripts cannot hold, are out of reach.
pub(crate) fn count(number: u64) -> Value {
    Value::Integer(i64::try_from(number.min(1 << 53)).unwrap_or(i64::MAX))
}
