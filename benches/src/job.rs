//! [`Job`]: what a role is told to do, and [`Outcome`]: what it answers. Both travel as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whose code does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Subject {
    /// LTQ as users call it.
    Ltq,
    /// A bare client that calls LTQ's scripts.
    Ceiling,
    /// A bare client with one plain `RPUSH` a message: what a send costs without LTQ's scripts.
    Rpush,
}

impl Subject {
    /// Its column in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ltq => "LTQ",
            Self::Ceiling => "ceiling",
            Self::Rpush => "RPUSH",
        }
    }
}

/// The work of one process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Puts messages on the queue in bulk.
    Enqueue { subject: Subject, messages: usize },
    /// Sends messages one by one from this many tasks at once.
    Sends { subject: Subject, messages: usize, tasks: usize },
    /// Runs LTQ workers until stopped.
    Work(Workers),
    /// Runs LTQ workers until stopped, and says what they have used whenever it is asked.
    Crowd(Crowd),
    /// Puts that many messages on each of the queues, all in one bulk.
    EnqueueTo { queues: Vec<String>, per_queue: usize },
    /// Takes and settles that many messages of each queue with LTQ's scripts and a bare client.
    DrainByScripts { messages: usize, queues: usize, retry_once: bool },
    /// Sends at a fixed rate to workers in the same process, whose clock is then the same.
    PickUp { per_second: u32, lasting: Duration, pings: u32, workers: usize },
}

/// Many light workers of a process, on the same queues.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Crowd {
    /// Distinguishes its workers from those of other processes.
    pub(crate) name: String,
    pub(crate) workers: usize,
    pub(crate) concurrency: usize,
    pub(crate) queues: Vec<String>,
}

/// The workers of a process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Workers {
    pub(crate) workers: usize,
    pub(crate) concurrency: usize,
    pub(crate) queues: usize,
    /// Whether they have the middleware every worker starts with, or none.
    pub(crate) middleware: bool,
}

impl Default for Workers {
    fn default() -> Self {
        Self { workers: 1, concurrency: 100, queues: 1, middleware: true }
    }
}

/// The figures of one process, from the signal to go until its work ended or it was stopped.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    pub(crate) cpu_us: f64,
    /// Counted only in the program that counts; else zero.
    pub(crate) allocations: u64,
    /// Bytes of memory in use at the end.
    pub(crate) resident_bytes: u64,
    /// What only this kind of job has to tell.
    pub(crate) more: BTreeMap<String, f64>,
}
