//! [`Durability`]: how safe a bulk must be before its send counts as accepted.

use std::fmt;
use std::time::Duration;

/// How safe a message must be before `send` returns. The safer, the longer a send takes.
///
/// A level that is not reached in time is an error that says so; the message is on its queue all the same. What each
/// level protects from is in `docs/reliability.md`. `memory://` has one copy of everything, and every level is reached
/// there at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The primary has it: in memory, and in its append-only file as `appendfsync` says. The default.
    #[default]
    Primary,
    /// The primary and so many replicas have it in memory (`WAIT`).
    #[non_exhaustive]
    Replicated {
        /// How many replicas.
        replicas: u32,
        /// How long they may take; at least a millisecond.
        within: Duration,
    },
    /// The primary has it on disk (`WAITAOF`). Needs Redis 7.2 or newer and `appendonly yes`.
    #[non_exhaustive]
    Synced {
        /// How many replicas must have it on disk as well.
        replicas: u32,
        /// How long that may take; at least a millisecond.
        within: Duration,
    },
}

impl Durability {
    /// The primary and `replicas` replicas have it within this time.
    #[must_use]
    pub fn replicated(replicas: u32, within: Duration) -> Self {
        Self::Replicated { replicas, within }
    }

    /// The primary has it on disk within this time.
    #[must_use]
    pub fn synced(within: Duration) -> Self {
        Self::Synced { replicas: 0, within }
    }

    /// The primary and `replicas` replicas have it on disk within this time.
    #[must_use]
    pub fn synced_on_replicas(replicas: u32, within: Duration) -> Self {
        Self::Synced { replicas, within }
    }

    /// How long reaching the level may take.
    #[cfg(feature = "redis")]
    pub(crate) fn within(self) -> Duration {
        match self {
            Self::Primary => Duration::ZERO,
            // Zero would mean for ever to Redis.
            Self::Replicated { within, .. } | Self::Synced { within, .. } => within.max(Duration::from_millis(1)),
        }
    }
}

/// What is true of a message at this level: `replicated to 2 replicas`.
impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary => f.write_str("on the primary"),
            Self::Replicated { replicas, within } => write!(f, "on {replicas} replicas within {within:?}"),
            Self::Synced { replicas: 0, within } => write!(f, "on the primary's disk within {within:?}"),
            Self::Synced { replicas, within } => {
                write!(f, "on the disks of the primary and {replicas} replicas within {within:?}")
            }
        }
    }
}
