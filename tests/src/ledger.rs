//! [`Ledger`]: which message ran how often, by a key the test chooses.
//!
//! The proof that nothing was lost is made here, from what the tasks themselves noted down, not from what the queue
//! says about itself. A run is noted twice, when it starts and when it finishes: a run that was killed has only started.
//! Worker processes note into a [`LedgerFile`], which the test reads.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often one message ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Runs {
    /// Begun.
    pub started: usize,
    /// Ended by itself, well or not.
    pub finished: usize,
}

/// What ran how often. Shared between the tasks of one process.
#[derive(Debug, Default)]
pub struct Ledger {
    runs: Mutex<BTreeMap<String, Runs>>,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a run begins.
    pub fn start(&self, key: impl fmt::Display) {
        self.lock().entry(key.to_string()).or_default().started += 1;
    }

    /// Notes that a run has ended.
    pub fn finish(&self, key: impl fmt::Display) {
        self.lock().entry(key.to_string()).or_default().finished += 1;
    }

    /// How often `key` ran.
    pub fn runs(&self, key: impl fmt::Display) -> Runs {
        self.lock().get(&key.to_string()).copied().unwrap_or_default()
    }

    /// How many keys have started at least once.
    pub fn started(&self) -> usize {
        self.lock().values().filter(|runs| runs.started > 0).count()
    }

    /// How many keys have finished at least once.
    pub fn finished(&self) -> usize {
        self.lock().values().filter(|runs| runs.finished > 0).count()
    }

    /// The keys that started more than once.
    pub fn duplicates(&self) -> Vec<(String, Runs)> {
        self.lock().iter().filter(|(_, runs)| runs.started > 1).map(|(key, runs)| (key.clone(), *runs)).collect()
    }

    /// Whether `count` keys have finished, and none is left unfinished.
    pub fn is_done(&self, count: usize) -> bool {
        let runs = self.lock();
        runs.len() == count && runs.values().all(|runs| runs.finished > 0)
    }

    /// Asserts that exactly `count` keys ran and each finished at least once: nothing lost, nothing invented.
    ///
    /// # Panics
    ///
    /// It is not so; the message names some of the keys.
    #[track_caller]
    pub fn assert_all_done(&self, count: usize) {
        let runs = self.lock();
        let unfinished: Vec<_> = runs.iter().filter(|(_, runs)| runs.finished == 0).map(|(key, _)| key).collect();
        let (known, some) = (runs.len(), &unfinished[..unfinished.len().min(10)]);
        assert!(
            known == count && unfinished.is_empty(),
            "{count} messages were to finish; {known} ever started, {} of these never finished, such as {some:?}",
            unfinished.len(),
        );
    }

    /// Asserts that exactly `count` keys ran, each exactly once.
    ///
    /// # Panics
    ///
    /// It is not so.
    #[track_caller]
    pub fn assert_each_once(&self, count: usize) {
        self.assert_all_done(count);
        let duplicates = self.duplicates();
        assert!(duplicates.is_empty(), "{} messages ran more than once: {duplicates:?}", duplicates.len());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Runs>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A ledger that several processes write, and that survives a kill.
///
/// Every note is one line, appended by one write; the kernel keeps such lines whole and in order.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    file: File,
}

impl LedgerFile {
    /// The environment variable in which tests hand the path to the programs they start.
    pub const ENV: &'static str = "LTQ_TEST_LEDGER";

    /// Opens the file at `path`, which is made if there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self { path, file })
    }

    /// Opens the file named by [`LedgerFile::ENV`].
    ///
    /// # Errors
    ///
    /// The variable is not set, or the file cannot be opened.
    pub fn from_env() -> io::Result<Self> {
        let path = std::env::var_os(Self::ENV)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{} is not set", Self::ENV)))?;
        Self::open(PathBuf::from(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes that a run begins.
    ///
    /// # Errors
    ///
    /// The line cannot be written.
    pub fn start(&self, key: impl fmt::Display) -> io::Result<()> {
        self.note("start", key)
    }

    /// Notes that a run has ended.
    ///
    /// # Errors
    ///
    /// The line cannot be written.
    pub fn finish(&self, key: impl fmt::Display) -> io::Result<()> {
        self.note("finish", key)
    }

    /// What has been noted so far. A line that is still being written is left out.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds something else.
    pub fn read(&self) -> io::Result<Ledger> {
        let ledger = Ledger::new();
        let text = std::fs::read_to_string(&self.path)?;
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            match line.split_once(' ') {
                Some(("start", key)) => ledger.start(key),
                Some(("finish", key)) => ledger.finish(key),
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("`{line}` is no note of a run"))),
            }
        }
        Ok(ledger)
    }

    fn note(&self, what: &str, key: impl fmt::Display) -> io::Result<()> {
        let line = format!("{what} {key}\n");
        debug_assert_eq!(line.matches('\n').count(), 1, "a key is one line");
        (&self.file).write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_noted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let (one, other) = (LedgerFile::open(&path).unwrap(), LedgerFile::open(&path).unwrap());
        one.start("a b").unwrap();
        other.start(7).unwrap();
        other.finish(7).unwrap();
        other.start("a b").unwrap();
        let ledger = one.read().unwrap();
        assert_eq!(ledger.runs("a b"), Runs { started: 2, finished: 0 });
        assert_eq!((ledger.started(), ledger.finished()), (2, 1));
        assert!(!ledger.is_done(2));
        other.finish("a b").unwrap();
        let ledger = one.read().unwrap();
        ledger.assert_all_done(2);
        assert_eq!(ledger.duplicates().len(), 1);
    }

    #[test]
    #[should_panic(expected = "3 messages were to finish; 2 ever started, 1 of these never finished, such as [\"b\"]")]
    fn what_is_missing_is_named() {
        let ledger = Ledger::new();
        ledger.start("a");
        ledger.finish("a");
        ledger.start("b");
        ledger.assert_all_done(3);
    }
}
