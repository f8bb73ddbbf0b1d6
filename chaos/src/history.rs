//! [`History`]: what happened in a run, small enough that a million messages fit.
//!
//! Times are milliseconds since the run began. What Redis noted has whole seconds only, rounded down.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::faults::{Fault, Party};
use crate::notes::{Ending, Note, parse};

/// A time that has not come.
pub(crate) const NEVER: u32 = u32::MAX;
/// Faults with less than this between them are one: a connection needs a moment to come back.
const ONE_TROUBLE_MS: u32 = 2_500;

/// What a producer was told about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing: the producer ended first.
    Nothing,
    Accepted,
    /// An error; the number of its kind in [`History::errors`].
    Error(u8),
}

/// How a message left the queue, as Redis noted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    NotYet,
    Done,
    Dead,
}

/// How a message left the hands of a worker, as Redis noted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    StillHeld,
    Done,
    Retried,
    Returned,
    Dead,
    /// The lease ran out.
    Recovered,
    /// Its worker left, or handed it back, without having begun it.
    Left,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: [u8; 16],
    pub(crate) producer: u16,
    pub(crate) told: Told,
    /// How often it was put on the queue; should be once at most.
    pub(crate) published: u8,
    pub(crate) end: End,
    pub(crate) sent_at: u32,
    pub(crate) told_at: u32,
}

/// One execution of a task, as it noted it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) message: u32,
    pub(crate) process: u16,
    pub(crate) delivery: u16,
    pub(crate) start: u32,
    /// [`NEVER`] where it was cut short.
    pub(crate) finish: u32,
    pub(crate) ending: Option<Ending>,
}

/// One time that a message was in the hands of a worker, as Redis noted it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handout {
    pub(crate) message: u32,
    pub(crate) process: u16,
    pub(crate) how: How,
    pub(crate) given: u32,
    pub(crate) ended: u32,
}

/// A worker process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) slot: usize,
    pub(crate) pid: u32,
    pub(crate) started: u32,
    pub(crate) ended: u32,
    /// How it ended, for reports.
    pub(crate) end: String,
    /// Whether nobody asked it to end and nothing explains it.
    pub(crate) unexpected: bool,
}

/// A fault that was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    pub(crate) fault: Fault,
    pub(crate) party: Party,
    /// Which worker process it met.
    pub(crate) process: Option<u16>,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// What is plainly wrong in the log of Redis, found while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    PublishedAgain,
    InTwoPlaces,
    Vanished,
    CameBack,
    SettledTwice,
    SettledByAnother,
}

/// A key at the end.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// Whether it will expire.
    pub(crate) expires: bool,
}

#[derive(Debug, Default)]
pub(crate) struct History {
    /// When the run began, in milliseconds since the Unix epoch.
    pub(crate) began_ms: u64,
    pub(crate) lease: u32,
    /// When the producers were asked to stop and no more faults came.
    pub(crate) calm_from: u32,
    pub(crate) messages: Vec<Message>,
    pub(crate) index: HashMap<[u8; 16], u32>,
    /// In the order of messages and deliveries.
    pub(crate) runs: Vec<Run>,
    /// In the order of messages and times.
    pub(crate) handouts: Vec<Handout>,
    /// How many of these were taken as batches.
    pub(crate) in_blocks: usize,
    pub(crate) processes: Vec<Process>,
    pub(crate) faults: Vec<Made>,
    pub(crate) wrong: Vec<(u32, Wrong)>,
    /// Kinds of errors of sends.
    pub(crate) errors: Vec<String>,
    pub(crate) keys: Vec<Key>,
    /// How many late results the queue counted as refused.
    pub(crate) refused: u64,
    /// What is left on the queue: ready, scheduled, active, workers.
    pub(crate) left: [u64; 4],
}

impl History {
    /// The time in this history.
    pub(crate) fn since_began(&self, unix_ms: u64) -> u32 {
        u32::try_from(unix_ms.saturating_sub(self.began_ms)).unwrap_or(NEVER - 1)
    }

    /// The message of that id; unknown ones, which nobody noted that they send, are added.
    pub(crate) fn message(&mut self, id: [u8; 16]) -> u32 {
        let next = u32::try_from(self.messages.len()).expect("fewer than 2^32 messages");
        let messages = &mut self.messages;
        *self.index.entry(id).or_insert_with(|| {
            messages.push(Message {
                id,
                producer: 0,
                told: Told::Nothing,
                published: 0,
                end: End::NotYet,
                sent_at: NEVER,
                told_at: NEVER,
            });
            next
        })
    }

    /// Reads what a producer noted.
    pub(crate) fn read_producer(&mut self, path: &Path, producer: u16) -> io::Result<()> {
        for line in std::fs::read_to_string(path)?.lines() {
            let Some((time, id, note)) = parse(line) else { continue };
            let (time, index) = (self.since_began(time), self.message(id) as usize);
            let told = match note {
                Note::Accepted => Told::Accepted,
                Note::Failed(kind) => Told::Error(self.error(kind)),
                _ => {
                    (self.messages[index].sent_at, self.messages[index].producer) = (time, producer);
                    continue;
                }
            };
            (self.messages[index].told, self.messages[index].told_at) = (told, time);
        }
        Ok(())
    }

    /// Reads what the tasks of a worker process noted.
    pub(crate) fn read_worker(&mut self, path: &Path, process: u16) -> io::Result<()> {
        let mut open = HashMap::new();
        for line in std::fs::read_to_string(path)?.lines() {
            let Some((time, id, note)) = parse(line) else { continue };
            let (time, message) = (self.since_began(time), self.message(id));
            match note {
                Note::Begin(delivery) => {
                    let delivery = u16::try_from(delivery).unwrap_or(u16::MAX);
                    open.insert((message, delivery), self.runs.len());
                    self.runs.push(Run { message, process, delivery, start: time, finish: NEVER, ending: None });
                }
                Note::End(delivery, ending) => {
                    let delivery = u16::try_from(delivery).unwrap_or(u16::MAX);
                    if let Some(run) = open.remove(&(message, delivery)) {
                        (self.runs[run].finish, self.runs[run].ending) = (time, Some(ending));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts runs and handouts into the order in which they are looked up. Handouts of one message keep theirs.
    pub(crate) fn sort(&mut self) {
        self.runs.sort_by_key(|run| (run.message, run.delivery, run.start));
        self.handouts.sort_by_key(|handout| handout.message);
    }

    /// The runs of a message.
    pub(crate) fn runs_of(&self, message: u32) -> &[Run] {
        let first = self.runs.partition_point(|run| run.message < message);
        let length = self.runs[first..].partition_point(|run| run.message == message);
        &self.runs[first..first + length]
    }

    /// The handouts of a message.
    pub(crate) fn handouts_of(&self, message: u32) -> &[Handout] {
        let first = self.handouts.partition_point(|handout| handout.message < message);
        let length = self.handouts[first..].partition_point(|handout| handout.message == message);
        &self.handouts[first..first + length]
    }

    /// The delivery number each handout of a message should have: it grows whenever the message may have run.
    pub(crate) fn deliveries(handouts: &[Handout]) -> impl Iterator<Item = (u16, &Handout)> {
        let mut next = 1;
        handouts.iter().map(move |handout| {
            let number = next;
            next += u16::from(matches!(handout.how, How::Retried | How::Returned | How::Recovered));
            (number, handout)
        })
    }

    /// When a worker process could not reach Redis, or not run: its own faults and those of Redis, near ones joined.
    pub(crate) fn troubles(&self, process: u16) -> Vec<(u32, u32)> {
        let own = |made: &&Made| made.process == Some(process) || made.fault.is_an_outage();
        let mut spans: Vec<_> = self.faults.iter().filter(own).map(|made| (made.start, made.end)).collect();
        spans.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::new();
        for (start, end) in spans {
            match joined.last_mut() {
                Some(last) if start <= last.1.saturating_add(ONE_TROUBLE_MS) => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        joined
    }

    fn error(&mut self, kind: String) -> u8 {
        let known = self.errors.iter().position(|error| *error == kind);
        let number = known.unwrap_or_else(|| {
            self.errors.push(kind);
            self.errors.len() - 1
        });
        u8::try_from(number).unwrap_or(u8::MAX)
    }
}
