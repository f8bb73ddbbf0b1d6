//! [`Bench`]: what all measurements of a run share. The driver makes it; workloads and the report know nothing of the driver.

use crate::args::Settings;
use crate::peers::Peer;
use crate::record::Record;

/// A run of the whole program.
pub(crate) struct Bench {
    pub(crate) settings: Settings,
    pub(crate) record: Record,
    pub(crate) peers: Vec<Peer>,
    /// The number of the current run, from zero.
    pub(crate) turn: usize,
}

impl Bench {
    /// `subjects` in the order of this run.
    pub(crate) fn rotated<T, const N: usize>(&self, mut subjects: [T; N]) -> [T; N] {
        subjects.rotate_left(self.turn % N.max(1));
        subjects
    }
}
