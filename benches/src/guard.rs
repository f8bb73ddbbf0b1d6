//! What a message may cost at most, in figures that the machine and its load do not change: `cargo xtask test` fails where
//! one is exceeded.
//!
//! The bounds lie a little above what is measured with few messages, where what a process allocates once counts for more.
//! A bound that is exceeded names work that a change has added to every message; it is raised only for a reason.

use std::fmt::Write as _;

use ltq::BoxError;

use crate::figure::{Figure, show};
use crate::job::Subject;
use crate::record::{Place, Record};
use crate::workload::cost;

/// Case, figure, and the most it may be.
const BOUNDS: [(&str, Figure, f64); 7] = [
    (cost::ENQUEUE, Figure::Commands, 0.01),
    (cost::ENQUEUE, Figure::Allocations, 5.5),
    (cost::DRAIN, Figure::Commands, 0.1),
    (cost::DRAIN, Figure::NetworkBytes, 250.0),
    (cost::DRAIN, Figure::Allocations, 6.0),
    (cost::SENDS, Figure::Commands, 0.1),
    (cost::SENDS, Figure::Allocations, 10.0),
];

/// Holds what was measured against the bounds; what was not measured is no failure.
pub(crate) fn check(record: &Record) -> Result<(), BoxError> {
    let mut exceeded = String::new();
    for (case, figure, most) in BOUNDS {
        let place = Place { workload: cost::WORKLOAD, case, subject: Subject::Ltq.name() };
        if let Some(value) = record.median(place, figure)
            && value > most
        {
            let (value, name) = (show(value), figure.name());
            // Writing into a `String` cannot fail.
            let _ = write!(exceeded, "\n  {case}: {value} {name}, at most {most} are allowed");
        }
    }
    if exceeded.is_empty() { Ok(()) } else { Err(format!("LTQ costs more than it may:{exceeded}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(allocations: f64) -> Record {
        let mut record = Record::default();
        let place = Place { workload: cost::WORKLOAD, case: cost::DRAIN, subject: Subject::Ltq.name() };
        record.add(place, Figure::Allocations, allocations);
        record
    }

    #[test]
    fn only_what_is_above_its_bound_is_named() {
        assert!(check(&Record::default()).is_ok());
        assert!(check(&record(6.0)).is_ok());
        let error = check(&record(6.5)).unwrap_err().to_string();
        assert!(error.contains(cost::DRAIN) && error.contains("at most 6"), "{error}");
        assert_eq!(error.lines().count(), 2, "{error}");
    }
}
