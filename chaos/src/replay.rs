//! [`Replay`]: plays the log of Redis on a model of the queue, and follows every message from place to place.
//!
//! The log holds the effects of the scripts, not their calls, so a script that does something wrong shows here whatever it
//! answers. The model knows the keys of `docs/redis-keys.md` and nothing of the scripts but the trace each leaves: a
//! publish sets the producer's number, a turn the worker's record, a recovery counts.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::Path;

use crate::aof::{Command, Log, Step};
use crate::history::{End, Handout, History, How, NEVER, Wrong};

/// Whose step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    Publish,
    /// A turn of this incarnation.
    Turn(usize),
    Recovery,
    Leaving,
    Other,
}

/// The model, while the log is read.
pub(crate) struct Replay<'h> {
    history: &'h mut History,
    ready: VecDeque<u32>,
    scheduled: HashSet<(u32, u64)>,
    dead: HashSet<u32>,
    /// What each incarnation holds, and the number of the handout.
    held: Vec<HashMap<u32, usize>>,
    incarnations: HashMap<Vec<u8>, usize>,
    /// Which process an incarnation belongs to.
    process: Vec<u16>,
    /// In how many places each message is.
    places: Vec<u8>,
    /// The messages of this step, and the handout that ended in it.
    touched: HashMap<u32, Option<usize>>,
    /// Messages that were deleted from the dead letters in this step.
    trimmed: HashSet<u32>,
}

impl<'h> Replay<'h> {
    pub(crate) fn new(history: &'h mut History) -> Self {
        Self {
            history,
            ready: VecDeque::new(),
            scheduled: HashSet::new(),
            dead: HashSet::new(),
            held: Vec::new(),
            incarnations: HashMap::new(),
            process: Vec::new(),
            places: Vec::new(),
            touched: HashMap::new(),
            trimmed: HashSet::new(),
        }
    }

    /// Plays everything the server in this folder has written.
    pub(crate) fn play(mut self, folder: &Path) -> io::Result<()> {
        let (mut log, mut step) = (Log::open(folder)?, Step::default());
        while log.next(&mut step)? {
            self.step(&step);
        }
        Ok(())
    }

    /// Plays one step.
    pub(crate) fn step(&mut self, step: &Step) {
        let now = self.history.since_began(step.at_s * 1_000);
        let author = self.author(step, now);
        for command in step.commands() {
            let key = command.word(1);
            match name_of(key) {
                b"ready" => self.ready(command, author),
                b"scheduled" => self.schedule(command, author),
                b"dead" => self.bury(command, author),
                name => {
                    if let Some(worker) = name.strip_prefix(b"active:") {
                        let worker = self.incarnation(worker, now);
                        self.hold(command, author, worker, now);
                    }
                }
            }
        }
        let touched: Vec<_> = self.touched.drain().collect();
        for (message, ended) in touched {
            self.look(message, ended);
        }
        self.trimmed.clear();
    }

    fn author(&mut self, step: &Step, now: u32) -> Author {
        let mut author = Author::Other;
        for command in step.commands() {
            let name = name_of(command.word(1));
            if command.is(b"SET") && name.starts_with(b"producer:") {
                return Author::Publish;
            }
            if let (true, Some(worker)) = (command.is(b"SET"), name.strip_prefix(b"turn:")) {
                return Author::Turn(self.incarnation(worker, now));
            }
            if command.is(b"HINCRBY") && name == b"counts" {
                match command.word(2) {
                    b"recovered" => author = Author::Recovery,
                    b"returned" => author = Author::Leaving,
                    _ => {}
                }
            }
        }
        author
    }

    fn ready(&mut self, command: Command<'_>, author: Author) {
        if command.is(b"RPUSH") || command.is(b"LPUSH") {
            let back = command.is(b"RPUSH");
            for payload in command.words_from(2) {
                let Some(message) = self.message(payload) else { continue };
                if back {
                    self.ready.push_back(message);
                } else {
                    self.ready.push_front(message);
                }
                self.put(message);
                match author {
                    Author::Publish => self.published(message),
                    // What is due goes to the tail, what is handed back to the head.
                    Author::Turn(_) if !back => self.settled(message, How::Returned),
                    _ => {}
                }
            }
        } else if command.is(b"LPOP") {
            let count = std::str::from_utf8(command.word(2)).ok().and_then(|text| text.parse().ok()).unwrap_or(1);
            for _ in 0..count {
                let Some(message) = self.ready.pop_front() else { break };
                self.take_away(message);
            }
        }
    }

    fn schedule(&mut self, command: Command<'_>, author: Author) {
        let adds = command.is(b"ZADD");
        if !adds && !command.is(b"ZREM") {
            return;
        }
        let payloads = command.words_from(if adds { 3 } else { 2 }).step_by(if adds { 2 } else { 1 });
        for payload in payloads {
            let Some(message) = self.message(payload) else { continue };
            let mut hasher = DefaultHasher::new();
            payload.hash(&mut hasher);
            let member = (message, hasher.finish());
            if !adds {
                if self.scheduled.remove(&member) {
                    self.take_away(message);
                }
                continue;
            }
            if self.scheduled.insert(member) {
                self.put(message);
            }
            match author {
                Author::Publish => self.published(message),
                Author::Turn(_) => self.settled(message, How::Retried),
                _ => {}
            }
        }
    }

    fn bury(&mut self, command: Command<'_>, author: Author) {
        let adds = command.is(b"ZADD");
        if !adds && !command.is(b"ZREM") {
            return;
        }
        for id in command.words_from(if adds { 3 } else { 2 }).step_by(if adds { 2 } else { 1 }) {
            let Ok(id) = <[u8; 16]>::try_from(id) else { continue };
            let message = self.known(id);
            if adds {
                if self.dead.insert(message) {
                    self.put(message);
                }
                if matches!(author, Author::Turn(_)) {
                    self.settled(message, How::Dead);
                }
                self.history.messages[message as usize].end = End::Dead;
            } else if self.dead.remove(&message) {
                self.take_away(message);
                self.trimmed.insert(message);
            }
        }
    }

    fn hold(&mut self, command: Command<'_>, author: Author, worker: usize, now: u32) {
        if command.is(b"HSET") {
            for id in command.words_from(2).step_by(2) {
                let Ok(id) = <[u8; 16]>::try_from(id) else { continue };
                let message = self.known(id);
                let handout = self.history.handouts.len();
                if self.held[worker].insert(message, handout).is_none() {
                    self.put(message);
                }
                let process = self.process[worker];
                let how = How::StillHeld;
                self.history.handouts.push(Handout { message, process, how, given: now, ended: NEVER });
            }
        } else if command.is(b"HDEL") {
            for id in command.words_from(2) {
                let Ok(id) = <[u8; 16]>::try_from(id) else { continue };
                let message = self.known(id);
                let Some(handout) = self.held[worker].remove(&message) else { continue };
                self.take_away(message);
                let how = match author {
                    Author::Turn(by) if by == worker => How::Done,
                    Author::Recovery => How::Recovered,
                    Author::Leaving => How::Left,
                    _ => {
                        self.history.wrong.push((message, Wrong::SettledByAnother));
                        How::Done
                    }
                };
                (self.history.handouts[handout].how, self.history.handouts[handout].ended) = (how, now);
                self.touched.insert(message, Some(handout));
            }
        }
    }

    /// A turn settled a message so; it must have been taken from the hands of its worker before.
    fn settled(&mut self, message: u32, how: How) {
        match self.touched.get(&message).copied().flatten() {
            Some(handout) => self.history.handouts[handout].how = how,
            None => self.history.wrong.push((message, Wrong::SettledByAnother)),
        }
    }

    fn published(&mut self, message: u32) {
        let published = &mut self.history.messages[message as usize].published;
        *published = published.saturating_add(1);
        if *published > 1 {
            self.history.wrong.push((message, Wrong::PublishedAgain));
        }
    }

    fn put(&mut self, message: u32) {
        let places = &mut self.places[message as usize];
        *places = places.saturating_add(1);
        self.touched.entry(message).or_default();
    }

    fn take_away(&mut self, message: u32) {
        let places = &mut self.places[message as usize];
        *places = places.saturating_sub(1);
        self.touched.entry(message).or_default();
    }

    /// Looks at a message after a step that moved it.
    fn look(&mut self, message: u32, ended: Option<usize>) {
        let places = self.places[message as usize];
        let done = ended.is_some_and(|handout| self.history.handouts[handout].how == How::Done);
        let before = self.history.messages[message as usize].end;
        let wrong = match places {
            0 if done && before != End::NotYet => Some(Wrong::SettledTwice),
            0 if done => {
                self.history.messages[message as usize].end = End::Done;
                None
            }
            0 if self.trimmed.contains(&message) => None,
            0 => Some(Wrong::Vanished),
            1 if before == End::Done => Some(Wrong::CameBack),
            1 => None,
            _ => Some(Wrong::InTwoPlaces),
        };
        self.history.wrong.extend(wrong.map(|wrong| (message, wrong)));
    }

    /// The message of an envelope.
    fn message(&mut self, payload: &[u8]) -> Option<u32> {
        id_of(payload).map(|id| self.known(id))
    }

    fn known(&mut self, id: [u8; 16]) -> u32 {
        let message = self.history.message(id);
        if self.places.len() <= message as usize {
            self.places.resize(self.history.messages.len(), 0);
        }
        message
    }

    /// The number of an incarnation, whose name begins with the id of its process.
    fn incarnation(&mut self, name: &[u8], now: u32) -> usize {
        if let Some(known) = self.incarnations.get(name) {
            return *known;
        }
        let text = String::from_utf8_lossy(name);
        let pid = text.split('-').next().and_then(|pid| pid.parse().ok()).unwrap_or(0);
        let lived = |process: &crate::history::Process| process.pid == pid && process.started <= now + 2_000;
        let process = self.history.processes.iter().rposition(lived).unwrap_or(usize::from(u16::MAX));
        let number = self.held.len();
        self.incarnations.insert(name.to_owned(), number);
        self.held.push(HashMap::new());
        self.process.push(u16::try_from(process).unwrap_or(u16::MAX));
        number
    }
}

/// What comes after the name of the queue in a key.
fn name_of(key: &[u8]) -> &[u8] {
    let end = key.windows(2).position(|pair| pair == b"}:");
    end.map_or(&[], |end| &key[end + 2..])
}

/// The id at its fixed place in an envelope.
pub(crate) fn id_of(payload: &[u8]) -> Option<[u8; 16]> {
    let id = payload.get(4..20).filter(|_| payload[2..4] == [0xc4, 16])?;
    <[u8; 16]>::try_from(id).ok()
}

#[cfg(test)]
mod tests;
