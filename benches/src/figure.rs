//! [`Figure`]: what a number in the report counts.

use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};

/// A kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Figure {
    /// Messages a second.
    Rate,
    /// Microseconds of the main thread of Redis, per message.
    RedisCpu,
    /// Microseconds of the measured process, per message.
    ProcessCpu,
    /// Commands over the wire, per message.
    Commands,
    /// Bytes over the wire in both directions, per message.
    NetworkBytes,
    /// Allocations of the measured process, per message.
    Allocations,
    /// Bytes of Redis memory, per waiting message.
    WaitingBytes,
    /// Latency in microseconds, by percentile.
    P50,
    P99,
    P999,
    Max,
    /// The same without the lateness of the sender.
    P50FromSend,
    P99FromSend,
    /// Commands a second of an idle worker.
    IdleCommands,
    /// Microseconds a second of Redis for an idle worker.
    IdleRedisCpu,
    /// Microseconds a second of an idle worker.
    IdleCpu,
    /// Bytes of Redis memory per worker.
    WorkerRedisBytes,
    /// Bytes of memory of the process per worker.
    WorkerBytes,
    /// Idle workers that one message wakes.
    Woken,
    /// Commands a second of all workers together.
    AllCommands,
    /// Redis, of one core.
    RedisShare,
    /// All measured processes together, of one core.
    ProcessShare,
    /// Connections to Redis, of all workers together.
    Connections,
    /// Threads of all measured processes together.
    Threads,
    /// Waits at the server, per message: how often a worker had nothing left to do.
    WaitsBegun,
    /// Messages of the worker that had the fewest, and of the one that had the most.
    Fewest,
    Most,
    /// Workers that had at least one message.
    Took,
    /// How often an idle worker was woken.
    WakeUps,
    /// Until all messages were done.
    UntilDone,
    /// What one shard has of the Redis CPU of all.
    LeastShard,
    MostShard,
    /// Errors by which a cluster refuses a call.
    Redirected,
}

impl Figure {
    /// Its name in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rate => "messages/s",
            Self::RedisCpu => "Redis CPU, µs per message",
            Self::ProcessCpu => "process CPU, µs per message",
            Self::Commands => "commands per message",
            Self::NetworkBytes => "network bytes per message",
            Self::Allocations => "allocations per message",
            Self::WaitingBytes => "Redis bytes per waiting message",
            Self::P50 => "p50, µs",
            Self::P99 => "p99, µs",
            Self::P999 => "p99.9, µs",
            Self::Max => "max, µs",
            Self::P50FromSend => "p50 from the send, µs",
            Self::P99FromSend => "p99 from the send, µs",
            Self::IdleCommands => "commands/s of an idle worker, heartbeats included",
            Self::IdleRedisCpu => "Redis CPU, µs/s per idle worker",
            Self::IdleCpu => "process CPU, µs/s per idle worker",
            Self::WorkerRedisBytes => "Redis bytes per worker",
            Self::WorkerBytes => "process bytes per worker",
            Self::Woken => "workers woken by one message",
            Self::AllCommands => "commands/s of all workers",
            Self::RedisShare => "Redis CPU, % of a core",
            Self::ProcessShare => "process CPU, % of a core",
            Self::Connections => "connections",
            Self::Threads => "threads",
            Self::WaitsBegun => "waits begun per message",
            Self::Fewest => "messages of the worker with the fewest",
            Self::Most => "messages of the worker with the most",
            Self::Took => "workers that had a message",
            Self::WakeUps => "wake-ups",
            Self::UntilDone => "until all are done, µs",
            Self::LeastShard => "Redis CPU of the least busy shard, % of all",
            Self::MostShard => "Redis CPU of the busiest shard, % of all",
            Self::Redirected => "MOVED, ASK, CROSSSLOT and CLUSTERDOWN replies",
        }
    }

    /// By the name it has in `results.json`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::deserialize(StrDeserializer::<Error>::new(name)).ok()
    }
}

/// A value as people read it: large numbers without a fraction, small ones with some digits.
pub(crate) fn show(value: f64) -> String {
    if value.abs() >= 100.0 || value == 0.0 {
        grouped(value)
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else if value.abs() >= 0.1 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

/// A whole number with commas.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_the_digits_that_mean_something() {
        assert_eq!(show(1_234_567.8), "1,234,568");
        assert_eq!(show(123.4), "123");
        assert_eq!(show(12.34), "12.3");
        assert_eq!(show(0.0123), "0.0123");
        assert_eq!(show(0.0), "0");
        assert_eq!(show(-1_000.0), "-1,000");
    }
}
