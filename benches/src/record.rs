//! [`Record`]: every value of every run.

use serde::Serialize;

use crate::figure::{Figure, show};
use crate::numbers::median;

/// All values, in the order in which they first came.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Record {
    pub(crate) series: Vec<Series>,
}

/// The values of one figure, one for each run.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) workload: &'static str,
    /// What distinguishes it from others of its workload.
    pub(crate) case: String,
    /// Whose it is: LTQ's, the ceiling's, another queue's.
    pub(crate) subject: String,
    pub(crate) figure: Figure,
    pub(crate) unit: &'static str,
    pub(crate) values: Vec<f64>,
}

/// Where a value belongs, apart from its figure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) workload: &'static str,
    pub(crate) case: &'a str,
    pub(crate) subject: &'a str,
}

impl Series {
    /// The median of the runs.
    pub(crate) fn median(&self) -> Option<f64> {
        median(&self.values)
    }

    fn is_at(&self, place: Place<'_>, figure: Figure) -> bool {
        self.workload == place.workload
            && self.case == place.case
            && self.subject == place.subject
            && self.figure == figure
    }
}

impl Record {
    /// Adds the value of one run.
    pub(crate) fn add(&mut self, place: Place<'_>, figure: Figure, value: f64) {
        let Place { workload, case, subject } = place;
        eprintln!("  {workload}, {case}, {subject}: {} {}", show(value), figure.name());
        match self.series.iter_mut().find(|series| series.is_at(place, figure)) {
            Some(series) => series.values.push(value),
            None => self.series.push(Series {
                workload,
                case: case.to_owned(),
                subject: subject.to_owned(),
                figure,
                unit: figure.name(),
                values: vec![value],
            }),
        }
    }

    /// The median of the runs, if this was measured.
    pub(crate) fn median(&self, place: Place<'_>, figure: Figure) -> Option<f64> {
        self.at(place, figure)?.median()
    }

    /// The median of the ratios of each run: what disturbs a run disturbs both sides of its ratio.
    pub(crate) fn ratio(&self, one: Place<'_>, other: Place<'_>, figure: Figure) -> Option<f64> {
        let (one, other) = (self.at(one, figure)?, self.at(other, figure)?);
        let ratios: Vec<f64> = one.values.iter().zip(&other.values).map(|(one, other)| one / other).collect();
        median(&ratios).filter(|ratio| ratio.is_finite())
    }

    fn at(&self, place: Place<'_>, figure: Figure) -> Option<&Series> {
        self.series.iter().find(|series| series.is_at(place, figure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_place_come_together() {
        let mut record = Record::default();
        let place = Place { workload: "drain", case: "small", subject: "LTQ" };
        for value in [3.0, 1.0, 2.0] {
            record.add(place, Figure::Rate, value);
        }
        record.add(Place { subject: "ceiling", ..place }, Figure::Rate, 9.0);
        assert_eq!(record.series.len(), 2);
        assert_eq!(record.median(place, Figure::Rate), Some(2.0));
        assert_eq!(record.median(place, Figure::Max), None);
    }

    #[test]
    fn ratios_are_of_the_same_run() {
        let mut record = Record::default();
        let [one, other] = ["LTQ", "ceiling"].map(|subject| Place { workload: "drain", case: "small", subject });
        for (left, right) in [(1.0, 2.0), (10.0, 20.0), (300.0, 400.0)] {
            record.add(one, Figure::Rate, left);
            record.add(other, Figure::Rate, right);
        }
        assert_eq!(record.ratio(one, other, Figure::Rate), Some(0.5));
        assert_eq!(record.ratio(one, other, Figure::Max), None);
    }
}
