//! [`Name`]: which figure it is, in texts, because the other program may know other figures.

use serde::Deserialize;

/// What tells a figure from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Name {
    pub(super) workload: String,
    pub(super) case: String,
    pub(super) subject: String,
    pub(super) figure: String,
}
