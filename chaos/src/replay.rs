//! [`Replay`]: plays the log of Redis on a model of the queue, and follows every message from place to place.
//!
//! The log holds the effects of the scripts, not their calls, so a script that does something wrong shows here whatever it
//! answers. The model knows the keys of `docs/redis-keys.md` and nothing of the scripts but the trace each leaves: a
//! publish sets the producer's number, a turn the worker's record, a recovery counts.

mod layout;

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::Path;

pub(crate) use self::layout::id_of;
use self::layout::{Place, name_of, number, of_list, place};
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
    /// What each incarnation holds.
    hands: Vec<Hands>,
    incarnations: HashMap<Vec<u8>, usize>,
    /// Which process an incarnation belongs to.
    process: Vec<u16>,
    /// In how many places each message is.
    places: Vec<u8>,
    /// A hash of the bytes that each message had last.
    bytes: HashMap<u32, u64>,
    /// The messages of this step, and the handout that ended in it.
    touched: HashMap<u32, Option<usize>>,
    /// Messages that were deleted from the dead letters in this step.
    trimmed: HashSet<u32>,
    /// How the turn of this step settled messages.
    settled: Vec<(u32, How)>,
}

/// What one incarnation holds.
#[derive(Default)]
struct Hands {
    /// The message and the number of its handout.
    held: HashMap<Place, (u32, usize)>,
    /// By the name of the list: the turn, and the messages of the list that are still held.
    blocks: HashMap<Vec<u8>, (u64, Vec<Option<u32>>)>,
}

impl<'h> Replay<'h> {
    pub(crate) fn new(history: &'h mut History) -> Self {
        Self {
            history,
            ready: VecDeque::new(),
            scheduled: HashSet::new(),
            dead: HashSet::new(),
            hands: Vec::new(),
            incarnations: HashMap::new(),
            process: Vec::new(),
            places: Vec::new(),
            bytes: HashMap::new(),
            touched: HashMap::new(),
            trimmed: HashSet::new(),
            settled: Vec::new(),
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
                b"ready" => self.ready(command, author, now),
                b"scheduled" => self.schedule(command, author),
                b"dead" => self.bury(command, author),
                name => {
                    if let Some(worker) = name.strip_prefix(b"active:") {
                        let worker = self.incarnation(worker, now);
                        self.hold(command, author, worker, now);
                    } else if let Some(worker) = name.strip_prefix(b"blocks:") {
                        let worker = self.incarnation(worker, now);
                        self.mask(command, author, worker, now);
                    } else if let Some(list) = name.strip_prefix(b"block:") {
                        let worker = self.incarnation(of_list(list).0, now);
                        self.list(command, author, worker, of_list(list).1, now);
                    }
                }
            }
        }
        for (message, how) in std::mem::take(&mut self.settled) {
            // It must have been taken from the hands of its worker.
            match self.touched.get(&message).copied().flatten() {
                Some(handout) => self.history.handouts[handout].how = how,
                None => self.history.wrong.push((message, Wrong::SettledByAnother)),
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

    fn ready(&mut self, command: Command<'_>, author: Author, now: u32) {
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
                let as_it_was = self.rewritten(message, payload);
                match author {
                    Author::Publish => self.published(message),
                    // What is due goes to the tail, what is handed back to the head. A worker that has begun it writes so.
                    Author::Turn(_) if !back => {
                        self.settled.push((message, if as_it_was { How::Left } else { How::Returned }));
                    }
                    _ => {}
                }
            }
        } else if command.is(b"LPOP") {
            let count = number(command.word(2)).unwrap_or(1);
            self.pop(count);
        } else if command.is(b"LTRIM") {
            self.pop(number(command.word(2)).unwrap_or(0));
        } else if command.is(b"SORT") {
            // `SORT ready BY nosort LIMIT 0 count STORE list`
            let count = number(command.word(6)).unwrap_or(0);
            let taken = self.ready.iter().take(count).map(|message| Some(*message)).collect();
            if let Some(list) = name_of(command.word(8)).strip_prefix(b"block:") {
                let worker = self.incarnation(of_list(list).0, now);
                // The turn follows.
                self.hands[worker].blocks.insert(of_list(list).1.to_owned(), (0, taken));
            }
        }
    }

    fn pop(&mut self, count: usize) {
        for _ in 0..count {
            let Some(message) = self.ready.pop_front() else { break };
            self.take_away(message);
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
            let member = (message, hash(payload));
            if adds {
                self.rewritten(message, payload);
            }
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
                Author::Turn(_) => self.settled.push((message, How::Retried)),
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
                    self.settled.push((message, How::Dead));
                }
                self.history.messages[message as usize].end = End::Dead;
            } else if self.dead.remove(&message) {
                self.take_away(message);
                self.trimmed.insert(message);
            }
        }
    }

    /// Messages held one by one.
    fn hold(&mut self, command: Command<'_>, author: Author, worker: usize, now: u32) {
        if command.is(b"HSET") {
            let words: Vec<_> = command.words_from(2).collect();
            for pair in words.chunks_exact(2) {
                let (Some(place), Some(message)) = (place(pair[0]), self.message(pair[1])) else { continue };
                let hands = &mut self.hands[worker];
                if hands.held.contains_key(&place) {
                    // It was held already, in a block that is unpacked now.
                    let of_turn = hands.blocks.values_mut().filter(|(turn, _)| *turn == place.0);
                    of_turn.filter_map(|(_, left)| left.get_mut(usize::from(place.1))).for_each(|left| *left = None);
                } else {
                    self.give(worker, place, message, now);
                }
            }
        } else if command.is(b"HDEL") {
            for field in command.words_from(2) {
                if let Some(place) = place(field) {
                    self.release(author, worker, place, now);
                }
            }
        }
    }

    /// The list of a block.
    fn list(&mut self, command: Command<'_>, author: Author, worker: usize, index: &[u8], now: u32) {
        if command.is(b"LPUSH") {
            let turn = command.word(2).split(|byte| *byte == b':').next().and_then(number);
            let turn = turn.and_then(|turn| u64::try_from(turn).ok()).unwrap_or(0);
            let Some(block) = self.hands[worker].blocks.get_mut(index) else { return };
            block.0 = turn;
            self.history.in_blocks += block.1.len();
            for (message, index) in block.1.clone().into_iter().zip(0..) {
                message.into_iter().for_each(|message| self.give(worker, (turn, index), message, now));
            }
        } else if command.is(b"DEL") {
            let Some((turn, left)) = self.hands[worker].blocks.remove(index) else { return };
            for (_, index) in left.into_iter().zip(0..).filter(|(message, _)| message.is_some()) {
                self.release(author, worker, (turn, index), now);
            }
        }
    }

    /// Which messages of a block are left: `HSET blocks index turn:count:mask`.
    fn mask(&mut self, command: Command<'_>, author: Author, worker: usize, now: u32) {
        if !command.is(b"HSET") {
            return;
        }
        let index = [b":", command.word(2)].concat();
        let mask = command.word(3).splitn(3, |byte| *byte == b':').nth(2).unwrap_or_default();
        let is_left = |index: usize| mask.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
        let Some((turn, left)) = self.hands[worker].blocks.get_mut(&index) else { return };
        let mut gone = Vec::new();
        for (index, message) in left.iter_mut().enumerate() {
            if message.is_some() && !is_left(index) {
                *message = None;
                gone.extend(u16::try_from(index).map(|index| (*turn, index)));
            }
        }
        gone.into_iter().for_each(|place| self.release(author, worker, place, now));
    }

    /// A message comes into the hands of a worker.
    fn give(&mut self, worker: usize, place: Place, message: u32, now: u32) {
        let handout = self.history.handouts.len();
        self.hands[worker].held.insert(place, (message, handout));
        self.put(message);
        let (process, how) = (self.process[worker], How::StillHeld);
        self.history.handouts.push(Handout { message, process, how, given: now, ended: NEVER });
    }

    /// A message leaves the hands of a worker.
    fn release(&mut self, author: Author, worker: usize, place: Place, now: u32) {
        let Some((message, handout)) = self.hands[worker].held.remove(&place) else { return };
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

    fn published(&mut self, message: u32) {
        let published = &mut self.history.messages[message as usize].published;
        *published = published.saturating_add(1);
        if *published > 1 {
            self.history.wrong.push((message, Wrong::PublishedAgain));
        }
    }

    /// Takes note of the bytes of a message. Says whether they are the same as before.
    fn rewritten(&mut self, message: u32, payload: &[u8]) -> bool {
        let now = hash(payload);
        self.bytes.insert(message, now) == Some(now)
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
        let number = self.hands.len();
        self.incarnations.insert(name.to_owned(), number);
        self.hands.push(Hands::default());
        self.process.push(u16::try_from(process).unwrap_or(u16::MAX));
        number
    }
}

fn hash(payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
