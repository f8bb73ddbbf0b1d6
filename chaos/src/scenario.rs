//! [`Scenario`]: how large a run is, and how quickly trouble follows trouble.

use std::ops::Range;
use std::time::Duration;

/// The setting of a run. All durations of faults follow from the lease.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) workers: usize,
    /// The send timeout of each producer.
    pub(crate) send_timeouts: &'static [Duration],
    /// Messages per second, of all producers together.
    pub(crate) rate: u64,
    pub(crate) lease: Duration,
    /// How long a party is left alone after a fault, in milliseconds.
    pub(crate) quiet: Range<u64>,
    /// How long Redis is left alone after a fault, in milliseconds.
    pub(crate) redis_quiet: Range<u64>,
    /// `appendfsync`.
    pub(crate) fsync: &'static str,
    /// How long a worker that nothing disturbs may take to finish its next message.
    pub(crate) worker_bound: Duration,
    /// How long it may take until any worker finishes a message once Redis is back.
    pub(crate) redis_bound: Duration,
    /// How long after a kill the messages of the victim may wait for their next run, beyond the lease: at most, and for
    /// half of the kills. `None` where the lease is too short for such a promise.
    pub(crate) recovery_beyond_lease: Option<(Duration, Duration)>,
    /// Whether most messages take a while and many fail, so that workers always have some in their hands.
    pub(crate) hard: bool,
    /// Whether all messages are sent in large bulks, and most take no time, so that workers take them as batches.
    pub(crate) bulks: bool,
    /// What is done to workers and producers.
    pub(crate) decks: Decks,
    /// How long the queue may take to drain in the end.
    pub(crate) drain: Duration,
    /// How long it runs unless told otherwise.
    pub(crate) minutes: f64,
}

const SEND_TIMEOUTS: &[Duration] =
    &[Duration::from_secs(10), Duration::from_millis(3_000), Duration::from_millis(1_500)];

const PROVOKED_TIMEOUTS: &[Duration] =
    &[Duration::from_secs(10), Duration::from_millis(400), Duration::from_millis(400)];

/// Which faults there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decks {
    All,
    /// Those that make the most of a mistake.
    Dense,
    /// Lost replies only.
    Replies,
}

impl Scenario {
    pub(crate) const NAMES: [&'static str; 7] = ["full", "everysec", "short", "bulk", "provoke", "replies", "calm"];

    /// What the others are made from.
    fn full() -> Self {
        Self {
            name: "full",
            workers: 6,
            send_timeouts: SEND_TIMEOUTS,
            rate: 1_100,
            lease: Duration::from_secs(8),
            quiet: 7_000..15_000,
            redis_quiet: 36_000..46_000,
            fsync: "always",
            worker_bound: Duration::from_secs(8),
            redis_bound: Duration::from_secs(5),
            recovery_beyond_lease: Some((Duration::from_secs(4), Duration::from_secs(2))),
            hard: false,
            bulks: false,
            decks: Decks::All,
            drain: Duration::from_secs(60),
            minutes: 10.0,
        }
    }

    /// The same at the pace of a lease of two seconds, for builds without optimisation.
    fn short() -> Self {
        Self {
            name: "short",
            workers: 4,
            rate: 200,
            lease: Duration::from_secs(2),
            quiet: 2_000..10_000,
            redis_quiet: 9_000..14_000,
            worker_bound: Duration::from_secs(5),
            recovery_beyond_lease: None,
            minutes: 1.0,
            ..Self::full()
        }
    }

    /// The scenario of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "full" => Some(Self::full()),
            "everysec" => Some(Self { name: "everysec", fsync: "everysec", ..Self::full() }),
            "short" => Some(Self::short()),
            // Many messages at once, so that most are taken as batches.
            "bulk" => Some(Self {
                name: "bulk",
                rate: 1_500,
                quiet: 1_000..4_000,
                bulks: true,
                minutes: 0.5,
                ..Self::short()
            }),
            // Dense trouble, for mutations that must be found within seconds.
            "provoke" => Some(Self {
                name: "provoke",
                send_timeouts: PROVOKED_TIMEOUTS,
                rate: 100,
                quiet: 500..1_500,
                redis_quiet: 100_000_000..100_000_001,
                hard: true,
                decks: Decks::Dense,
                drain: Duration::from_secs(10),
                minutes: 0.25,
                ..Self::short()
            }),
            // Lost replies and then rest, for mutations that make a worker fall silent.
            "replies" => Some(Self {
                name: "replies",
                rate: 100,
                quiet: 6_500..8_000,
                redis_quiet: 100_000_000..100_000_001,
                worker_bound: Duration::from_secs(5),
                decks: Decks::Replies,
                drain: Duration::from_secs(10),
                minutes: 0.3,
                ..Self::short()
            }),
            // No faults: how the machine does without.
            "calm" => Some(Self {
                name: "calm",
                quiet: 100_000_000..100_000_001,
                redis_quiet: 100_000_000..100_000_001,
                minutes: 1.0,
                ..Self::full()
            }),
            _ => None,
        }
    }

    pub(crate) fn lease_ms(&self) -> u64 {
        u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_scenario_of_that_name() {
        for name in Scenario::NAMES {
            assert_eq!(Scenario::named(name).unwrap().name, name);
        }
    }
}
