//! [`QueueName`]: a checked name, so that nothing below has to ask whether it fits into a key.

use std::fmt;
use std::sync::Arc;

/// The longest queue name, in bytes.
pub const MAX_QUEUE_NAME_BYTES: usize = 200;

/// The name of a queue: 1 to 200 bytes of text without whitespace, control characters and braces.
///
/// Braces are refused because the name stands inside the hash tag of its Redis keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(Arc<str>);

/// A text that cannot be the name of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot be a queue name: {rule}")]
pub struct InvalidQueueName {
    name: String,
    rule: &'static str,
}

impl QueueName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// The name is empty, longer than [`MAX_QUEUE_NAME_BYTES`], or holds whitespace, a control character or a brace.
    pub fn new(name: &str) -> Result<Self, InvalidQueueName> {
        let rule = if name.is_empty() {
            "it is empty"
        } else if name.len() > MAX_QUEUE_NAME_BYTES {
            "it is longer than 200 bytes"
        } else if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            "it holds whitespace or a control character"
        } else if name.contains(['{', '}']) {
            "it holds a brace, which Redis Cluster gives a meaning of its own"
        } else {
            return Ok(Self(name.into()));
        };
        Err(InvalidQueueName { name: name.chars().take(64).collect(), rule })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::borrow::Borrow<str> for QueueName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_own_message() {
        for (name, part) in [
            ("", "empty"),
            (&"x".repeat(201), "longer than 200"),
            ("a b", "whitespace"),
            ("a\u{0}", "control"),
            ("a{b}", "brace"),
        ] {
            let error = QueueName::new(name).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(QueueName::new("my_crate::github::fetch_repo").is_ok());
        assert!(QueueName::new("größe").is_ok());
    }
}
