//! What producers and tasks note while they run: lines of text, each appended by one write, which a kill leaves whole.
//!
//! Times are milliseconds of this machine's clock, which all processes of a run share.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ltq::MessageId;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Well.
    Done,
    /// With an error, to be tried again.
    Failed,
    /// It asked to be put back.
    PutBack,
    /// It asked to be a dead letter.
    Rejected,
}

impl Ending {
    const ALL: [Self; 4] = [Self::Done, Self::Failed, Self::PutBack, Self::Rejected];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::PutBack => "put-back",
            Self::Rejected => "rejected",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.word() == word)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// A producer is about to send.
    Send,
    /// The send was accepted.
    Accepted,
    /// The send ended with an error of this kind.
    Failed(String),
    /// A task starts, for the delivery of this number.
    Begin(u64),
    /// A task ends.
    End(u64, Ending),
}

/// A file of notes.
#[derive(Debug)]
pub(crate) struct Notes(File);

impl Notes {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(OpenOptions::new().create(true).append(true).open(path)?))
    }

    /// Notes the same about several messages, with one write.
    pub(crate) fn write(&self, ids: &[MessageId], note: &Note) {
        let now = now_ms();
        let mut lines = String::with_capacity(ids.len() * 64);
        for id in ids {
            let id = u128::from_be_bytes(*id.as_bytes());
            let line = match note {
                Note::Send => format!("S {now} {id:032x}\n"),
                Note::Accepted => format!("A {now} {id:032x}\n"),
                Note::Failed(kind) => format!("E {now} {id:032x} {kind}\n"),
                Note::Begin(delivery) => format!("B {now} {id:032x} {delivery}\n"),
                Note::End(delivery, ending) => format!("F {now} {id:032x} {delivery} {}\n", ending.word()),
            };
            lines.push_str(&line);
        }
        (&self.0).write_all(lines.as_bytes()).expect("notes can be written");
    }
}

/// Reads one line: when, about which message, what. `None` for the rest of a line that a kill cut off.
pub(crate) fn parse(line: &str) -> Option<(u64, [u8; 16], Note)> {
    let mut words = line.split(' ');
    let (what, time) = (words.next()?, words.next()?.parse().ok()?);
    let id = words.next().filter(|id| id.len() == 32)?;
    let id = u128::from_str_radix(id, 16).ok()?.to_be_bytes();
    let note = match what {
        "S" => Note::Send,
        "A" => Note::Accepted,
        "E" => Note::Failed(words.next()?.to_owned()),
        "B" => Note::Begin(words.next()?.parse().ok()?),
        "F" => Note::End(words.next()?.parse().ok()?, Ending::from_word(words.next()?)?),
        _ => return None,
    };
    Some((time, id, note))
}

pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        let (notes, id) = (Notes::open(&path).unwrap(), MessageId::new());
        let all = [
            Note::Send,
            Note::Accepted,
            Note::Failed("Timeout".to_owned()),
            Note::Begin(3),
            Note::End(3, Ending::PutBack),
        ];
        for note in &all {
            notes.write(&[id, id], note);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let read: Vec<_> = text.lines().map(|line| parse(line).unwrap()).collect();
        assert!(read.iter().all(|(time, of, _)| *time > 0 && of == id.as_bytes()));
        assert_eq!(read.into_iter().step_by(2).map(|(_, _, note)| note).collect::<Vec<_>>(), all);
        assert_eq!(parse("B 1 0123"), None);
    }
}
