//! [`Settings`]: what is to be run.

use std::path::PathBuf;
use std::time::Duration;

use crate::mutations::Mutation;
use crate::scenario::Scenario;

/// What is to be run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) scenario: Scenario,
    pub(crate) seed: u64,
    pub(crate) length: Duration,
    pub(crate) mutation: Option<&'static Mutation>,
    /// Where everybody notes.
    pub(crate) folder: PathBuf,
}
