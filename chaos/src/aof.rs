//! [`Log`]: the append-only file of Redis, read step by step.
//!
//! A script with several effects stands between MULTI and EXEC, so one step is exactly what nobody could see the inside
//! of. Redis notes the time once a second. A step that a kill cut off is not one: Redis forgets it, too.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Commands that took effect together.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// When, in seconds since the Unix epoch; whole seconds, rounded down.
    pub(crate) at_s: u64,
    bytes: Vec<u8>,
    words: Vec<Range<usize>>,
    /// Which words make up which command.
    commands: Vec<Range<usize>>,
}

impl Step {
    /// The commands, each a list of words.
    pub(crate) fn commands(&self) -> impl Iterator<Item = Command<'_>> {
        self.commands.iter().map(|words| Command { bytes: &self.bytes, words: &self.words[words.clone()] })
    }

    /// A step of these commands, each a list of words.
    #[cfg(test)]
    pub(crate) fn of(at_s: u64, commands: &[&[&[u8]]]) -> Self {
        let mut step = Self { at_s, ..Self::default() };
        for command in commands {
            let first = step.words.len();
            for word in *command {
                let start = step.bytes.len();
                step.bytes.extend_from_slice(word);
                step.words.push(start..step.bytes.len());
            }
            step.commands.push(first..step.words.len());
        }
        step
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.words.clear();
        self.commands.clear();
    }

    fn last_is(&self, name: &[u8]) -> bool {
        self.commands().last().is_some_and(|command| command.is(name))
    }
}

/// One command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command<'a> {
    bytes: &'a [u8],
    words: &'a [Range<usize>],
}

impl<'a> Command<'a> {
    pub(crate) fn len(self) -> usize {
        self.words.len()
    }

    /// The word of that number; nothing where there is none.
    pub(crate) fn word(self, index: usize) -> &'a [u8] {
        self.words.get(index).map_or(&[], |place| &self.bytes[place.clone()])
    }

    pub(crate) fn is(self, name: &[u8]) -> bool {
        self.word(0).eq_ignore_ascii_case(name)
    }

    /// The words from that number on.
    pub(crate) fn words_from(self, first: usize) -> impl Iterator<Item = &'a [u8]> {
        (first..self.len()).map(move |index| self.word(index))
    }
}

/// The files of one server, read one after the other.
pub(crate) struct Log {
    files: std::vec::IntoIter<PathBuf>,
    file: Option<BufReader<File>>,
    at_s: u64,
    line: Vec<u8>,
}

impl Log {
    /// Opens what the server whose folder this is has written.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder.join("appendonlydir"))? {
            let path = entry?.path();
            let number = path
                .to_string_lossy()
                .strip_suffix(".incr.aof")
                .and_then(|rest| rest.rsplit('.').next()?.parse::<u64>().ok());
            files.extend(number.map(|number| (number, path)));
        }
        files.sort();
        let files: Vec<_> = files.into_iter().map(|(_, path)| path).collect();
        Ok(Self { files: files.into_iter(), file: None, at_s: 0, line: Vec::new() })
    }

    /// Reads the next step; says whether there was one.
    pub(crate) fn next(&mut self, step: &mut Step) -> io::Result<bool> {
        step.clear();
        let mut together = false;
        loop {
            if !self.command(step)? {
                let Some(path) = self.files.next() else { return Ok(false) };
                self.file = Some(BufReader::with_capacity(1 << 20, File::open(path)?));
                step.clear();
                together = false;
                continue;
            }
            step.at_s = self.at_s;
            if step.last_is(b"MULTI") {
                step.clear();
                together = true;
            } else if step.last_is(b"EXEC") {
                step.commands.pop();
                return Ok(true);
            } else if !together {
                return Ok(true);
            }
        }
    }

    /// Reads one command to the end of `step`; says whether there was one.
    fn command(&mut self, step: &mut Step) -> io::Result<bool> {
        let first = step.words.len();
        let count = loop {
            match self.line()? {
                None => return Ok(false),
                Some([b'*', count @ ..]) => break number(count)?,
                Some([b'#', rest @ ..]) => {
                    let text = String::from_utf8_lossy(rest).into_owned();
                    if let Some(time) = text.strip_prefix("TS:") {
                        self.at_s = number(time.as_bytes())?;
                    }
                }
                Some(_) => return Err(odd()),
            }
        };
        for _ in 0..count {
            let length = match self.line()? {
                Some([b'$', length @ ..]) => number(length)?,
                Some(_) => return Err(odd()),
                None => return Ok(false),
            };
            let (start, length) = (step.bytes.len(), usize::try_from(length).map_err(|_| odd())?);
            step.bytes.resize(start + length + 2, 0);
            let Some(file) = &mut self.file else { return Ok(false) };
            match file.read_exact(&mut step.bytes[start..]) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                read => read?,
            }
            step.words.push(start..start + length);
        }
        step.commands.push(first..step.words.len());
        Ok(true)
    }

    /// The next line without its end; `None` at the end of the file.
    fn line(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        self.line.clear();
        file.read_until(b'\n', &mut self.line)?;
        Ok(self.line.strip_suffix(b"\r\n"))
    }
}

fn number(digits: &[u8]) -> io::Result<u64> {
    std::str::from_utf8(digits).ok().and_then(|text| text.trim().parse().ok()).ok_or_else(odd)
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the append-only file is not as Redis writes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<(u64, Vec<String>)> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("appendonlydir")).unwrap();
        std::fs::write(folder.path().join("appendonlydir/appendonly.aof.1.incr.aof"), text).unwrap();
        let (mut log, mut step, mut all) = (Log::open(folder.path()).unwrap(), Step::default(), Vec::new());
        while log.next(&mut step).unwrap() {
            let text =
                |command: Command<'_>| command.words_from(0).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
            all.push((step.at_s, step.commands().map(text).collect()));
        }
        all
    }

    #[test]
    fn what_took_effect_together_is_one_step() {
        let text = "#TS:7\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n*1\r\n$5\r\nMULTI\r\n#TS:8\r\n*2\r\n$3\r\nDEL\r\n$2\r\n\r\n\r\n\
                    *1\r\n$4\r\nINCR\r\n*1\r\n$4\r\nEXEC\r\n";
        let one = |text: &str| text.to_owned();
        assert_eq!(steps(text), [(7, vec![one("DEL a")]), (8, vec![one("DEL \r\n"), one("INCR")])]);
    }

    #[test]
    fn a_step_that_was_cut_off_did_not_happen() {
        assert_eq!(steps("*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nINCR\r\n"), []);
        assert_eq!(steps("*2\r\n$3\r\nDEL\r\n$1\r\n"), []);
    }
}
