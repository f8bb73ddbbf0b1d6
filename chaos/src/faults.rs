//! [`Fault`]: what can be done to whom. `plan.rs` says when, `driver` does it.

use std::time::Duration;

use ltq_tests::fault_proxy::Refusal;

/// Who a fault is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    Worker(usize),
    Producer(usize),
    Redis,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL, and a new process after a pause.
    Kill { pause: Duration },
    /// SIGSTOP, and SIGCONT after this long.
    Freeze { time: Duration },
    /// SIGTERM, and a new process when it has ended.
    Terminate,
    /// All connections are closed.
    Cut,
    /// Nothing passes in either direction for so long.
    Stall { time: Duration },
    /// Each chunk is held up.
    Delay { each: Duration, time: Duration },
    /// The connections there are stay open and are dead.
    HalfOpen,
    /// Replies are lost after the server has acted.
    DropReplies { calls: usize, time: Duration },
    /// Calls are answered with an error and not handed on.
    Refuse { refusal: Refusal, calls: usize, time: Duration },
    /// SIGKILL of Redis.
    RedisKill { down: Duration },
    /// SIGTERM of Redis.
    RedisRestart { down: Duration },
    /// SIGSTOP of Redis.
    RedisFreeze { time: Duration },
    /// Redis forgets its scripts.
    ScriptFlush,
}

impl Fault {
    /// What reports call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill { .. } => "kill -9",
            Self::Freeze { .. } => "freeze",
            Self::Terminate => "SIGTERM",
            Self::Cut => "cut",
            Self::Stall { .. } => "stall",
            Self::Delay { .. } => "delay",
            Self::HalfOpen => "half-open",
            Self::DropReplies { .. } => "drop reply",
            Self::Refuse { refusal: Refusal::NoScript, .. } => "NOSCRIPT",
            Self::Refuse { refusal: Refusal::ReadOnly, .. } => "READONLY",
            Self::Refuse { refusal: Refusal::Loading, .. } => "LOADING",
            Self::Refuse { refusal: Refusal::OutOfMemory, .. } => "OOM",
            Self::RedisKill { .. } => "Redis kill -9",
            Self::RedisRestart { .. } => "Redis SIGTERM",
            Self::RedisFreeze { .. } => "Redis freeze",
            Self::ScriptFlush => "SCRIPT FLUSH",
        }
    }

    /// How long it lasts. A half-open connection is dead until its owner has given it up.
    pub(crate) fn time(self) -> Duration {
        match self {
            Self::Kill { pause } => pause,
            Self::Freeze { time }
            | Self::Stall { time }
            | Self::Delay { time, .. }
            | Self::DropReplies { time, .. }
            | Self::Refuse { time, .. }
            | Self::RedisFreeze { time } => time,
            Self::RedisKill { down } | Self::RedisRestart { down } => down,
            Self::HalfOpen => Duration::from_secs(10),
            Self::Terminate | Self::Cut | Self::ScriptFlush => Duration::ZERO,
        }
    }

    /// Whether it is one of a connection, which the proxy makes.
    pub(crate) fn is_of_a_connection(self) -> bool {
        matches!(
            self,
            Self::Cut
                | Self::Stall { .. }
                | Self::Delay { .. }
                | Self::HalfOpen
                | Self::DropReplies { .. }
                | Self::Refuse { .. }
        )
    }

    /// Whether Redis does not answer while it lasts.
    pub(crate) fn is_an_outage(self) -> bool {
        matches!(self, Self::RedisKill { .. } | Self::RedisRestart { .. } | Self::RedisFreeze { .. })
    }
}

/// A fault and its time from the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) at: Duration,
    pub(crate) party: Party,
    pub(crate) fault: Fault,
}
