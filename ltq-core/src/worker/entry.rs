//! [`WorkerEntry`]: what `#[ltq::worker]` submits, so that `ltq run` finds the function.

use super::app::App;

/// A function that makes a worker, or an app of several, under its path.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct WorkerEntry {
    /// The path of the function: what `ltq run` is given.
    pub path: &'static str,
    /// Its source file.
    pub file: &'static str,
    /// Its line.
    pub line: u32,
    /// Makes what it runs.
    pub make: fn() -> App,
}

impl WorkerEntry {
    /// The function at `path`, standing in `file` at `line`.
    #[must_use]
    pub const fn new(path: &'static str, file: &'static str, line: u32, make: fn() -> App) -> Self {
        Self { path, file, line, make }
    }

    /// Every function linked into this program.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>()
    }
}

inventory::collect!(WorkerEntry);
