//! The invariants: pure functions from a history to what breaks them.

mod again;
mod ended;
mod fence;
mod keys;
mod once;
mod silent;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use self::silent::{after_outages, windows};
use crate::history::History;
use crate::scenario::Scenario;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Invariant {
    /// Every accepted send ran to its end or is a dead letter.
    Ended,
    /// No message is settled twice, or in two places.
    Once,
    /// A message ran again only for a reason.
    Again,
    /// A send that got an error ran at most once.
    Error,
    /// Nothing is left in Redis that is not bounded.
    Keys,
    /// No worker went silent.
    Silent,
    /// Late results were refused.
    Fence,
}

impl Invariant {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] =
        [Self::Ended, Self::Once, Self::Again, Self::Error, Self::Keys, Self::Silent, Self::Fence];

    pub(crate) fn letter(self) -> char {
        match self {
            Self::Ended => 'a',
            Self::Once => 'b',
            Self::Again => 'c',
            Self::Error => 'd',
            Self::Keys => 'e',
            Self::Silent => 'f',
            Self::Fence => 'g',
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Ended => "every accepted send ran to its end or is a dead letter",
            Self::Once => "no message is settled twice or in two places",
            Self::Again => "a message runs again only for a reason",
            Self::Error => "a send that got an error runs at most once",
            Self::Keys => "Redis holds no key that is neither bounded nor expires",
            Self::Silent => "no worker goes silent",
            Self::Fence => "late results are refused",
        };
        write!(f, "({}) {text}", self.letter())
    }
}

/// A broken invariant.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) text: String,
    pub(crate) message: Option<u32>,
}

impl Violation {
    fn new(invariant: Invariant, text: impl Into<String>) -> Self {
        Self { invariant, text: text.into(), message: None }
    }

    fn of(invariant: Invariant, message: u32, text: impl Into<String>) -> Self {
        Self { invariant, text: text.into(), message: Some(message) }
    }
}

/// Everything that breaks an invariant, in the order of the invariants.
pub(crate) fn check(history: &History, scenario: &Scenario) -> Vec<Violation> {
    let mut violations = Vec::new();
    ended::check(history, &mut violations);
    once::check(history, &mut violations);
    again::check(history, &mut violations);
    keys::check(history, &mut violations);
    silent::check(history, scenario, &mut violations);
    fence::check(history, &mut violations);
    violations.sort_by_key(|violation| violation.invariant);
    violations
}
