//! [`Pairs`]: the figures of two programs, matched by their names, run by run.
//!
//! A figure that only one of them has is no difference: the other program is from before it was measured, or from after.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::name::Name;
use super::verdict::{Guard, Verdict};
use crate::interval::Interval;
use crate::numbers::median;

/// A figure of one run, as `results.json` has it. Texts, because the other program may know other figures.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Series {
    #[serde(flatten)]
    pub(super) name: Name,
    pub(super) unit: String,
    values: Vec<f64>,
}

/// Everything that was measured, in the order in which it first came.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    figures: Vec<Figure>,
    only_here: BTreeSet<Name>,
    only_in_baseline: BTreeSet<Name>,
}

/// One figure of both programs, one value of each for each pair of runs.
#[derive(Debug)]
struct Figure {
    name: Name,
    unit: String,
    here: Vec<f64>,
    baseline: Vec<f64>,
}

/// A figure that was compared.
#[derive(Debug)]
pub(super) struct Compared<'a> {
    pub(super) name: &'a Name,
    pub(super) unit: &'a str,
    /// The medians of both.
    pub(super) here: f64,
    pub(super) baseline: f64,
    /// Of what is measured to the baseline.
    pub(super) ratio: Interval,
    pub(super) guard: Guard,
    pub(super) verdict: Verdict,
}

impl Pairs {
    /// Adds a run of each.
    pub(super) fn add(&mut self, here: Vec<Series>, mut baseline: Vec<Series>) {
        for series in here {
            let Some(found) = baseline.iter().position(|other| other.name == series.name) else {
                self.only_here.insert(series.name);
                continue;
            };
            let other = baseline.swap_remove(found);
            // A run that repeats its measurements gives one value: it is the pairs that are independent.
            let (Some(one), Some(other)) = (median(&series.values), median(&other.values)) else { continue };
            match self.figures.iter_mut().find(|figure| figure.name == series.name) {
                Some(figure) => {
                    figure.here.push(one);
                    figure.baseline.push(other);
                }
                None => self.figures.push(Figure {
                    name: series.name,
                    unit: series.unit,
                    here: vec![one],
                    baseline: vec![other],
                }),
            }
        }
        self.only_in_baseline.extend(baseline.into_iter().map(|series| series.name));
    }

    /// What both have. A figure with too few pairs for an interval is left out.
    pub(super) fn compared(&self) -> impl Iterator<Item = Compared<'_>> {
        self.figures.iter().filter_map(Figure::compare)
    }

    /// Whether more pairs could tell what these do not.
    pub(super) fn is_unclear(&self) -> bool {
        self.compared().any(|figure| figure.verdict == Verdict::Unclear)
    }

    /// What only the program that is measured has.
    pub(super) fn only_here(&self) -> &BTreeSet<Name> {
        &self.only_here
    }

    /// What only the baseline has.
    pub(super) fn only_in_baseline(&self) -> &BTreeSet<Name> {
        &self.only_in_baseline
    }
}

impl Figure {
    fn compare(&self) -> Option<Compared<'_>> {
        let ratios: Vec<f64> = self.here.iter().zip(&self.baseline).map(|(one, other)| ratio(*one, *other)).collect();
        let ratio = Interval::of_median(&ratios)?;
        let guard = Guard::of(&self.name);
        Some(Compared {
            name: &self.name,
            unit: &self.unit,
            here: median(&self.here)?,
            baseline: median(&self.baseline)?,
            ratio,
            guard,
            verdict: guard.judge(ratio),
        })
    }
}

/// Nothing on both sides is the same.
fn ratio(one: f64, other: f64) -> f64 {
    if one.total_cmp(&other).is_eq() { 1.0 } else { one / other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(figure: &str, values: &[f64]) -> Series {
        let name = Name {
            workload: "drain".to_owned(),
            case: "small".to_owned(),
            subject: "LTQ".to_owned(),
            figure: figure.to_owned(),
        };
        Series { name, unit: "messages/s".to_owned(), values: values.to_vec() }
    }

    #[test]
    fn ratios_are_of_the_same_pair() {
        let mut pairs = Pairs::default();
        // The machine gets slower and slower; in each pair one side is half as fast as the other.
        for speed in [100.0, 80.0, 60.0, 40.0, 20.0, 10.0, 8.0, 6.0] {
            pairs.add(vec![series("Rate", &[speed / 2.0])], vec![series("Rate", &[speed])]);
        }
        let compared: Vec<Compared<'_>> = pairs.compared().collect();
        assert_eq!(compared.len(), 1);
        assert_eq!(compared[0].ratio, Interval { low: 0.5, median: 0.5, high: 0.5 });
        assert_eq!((compared[0].guard, compared[0].verdict), (Guard::Throughput, Verdict::Broken));
    }

    #[test]
    fn the_same_figures_are_the_same_and_so_is_nothing_on_both_sides() {
        let mut pairs = Pairs::default();
        for value in [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] {
            let run = || vec![series("Rate", &[value]), series("Commands", &[0.0])];
            pairs.add(run(), run());
        }
        let verdicts: Vec<Verdict> = pairs.compared().map(|compared| compared.verdict).collect();
        assert_eq!(verdicts, [Verdict::Same, Verdict::Same]);
    }

    #[test]
    fn a_run_that_repeats_its_measurements_counts_once() {
        let mut pairs = Pairs::default();
        pairs.add(vec![series("Rate", &[1.0, 9.0, 2.0])], vec![series("Rate", &[1.0, 4.0, 5.0])]);
        assert_eq!(pairs.compared().count(), 0, "one pair has no interval");
        for _ in 0..7 {
            pairs.add(vec![series("Rate", &[2.0])], vec![series("Rate", &[4.0])]);
        }
        assert_eq!(pairs.compared().next().unwrap().ratio, Interval { low: 0.5, median: 0.5, high: 0.5 });
    }

    #[test]
    fn what_one_side_lacks_is_listed_and_not_judged() {
        let mut pairs = Pairs::default();
        for _ in 0..8 {
            pairs.add(
                vec![series("Rate", &[1.0]), series("new", &[1.0])],
                vec![series("old", &[1.0]), series("Rate", &[1.0])],
            );
        }
        let names = |names: &BTreeSet<Name>| names.iter().map(|name| name.figure.clone()).collect::<Vec<_>>();
        assert_eq!(names(pairs.only_here()), ["new"]);
        assert_eq!(names(pairs.only_in_baseline()), ["old"]);
        assert_eq!(pairs.compared().count(), 1);
    }

    #[test]
    fn a_record_is_read_as_the_bench_writes_it() {
        use crate::record::{Place, Record};

        let mut record = Record::default();
        let place = Place { workload: "drain", case: "small", subject: "LTQ" };
        record.add(place, crate::figure::Figure::Rate, 5.0);
        let text = serde_json::to_string(&record.series).unwrap();
        let read: Vec<Series> = serde_json::from_str(&text).unwrap();
        assert_eq!(read[0].name, series("Rate", &[]).name);
        assert_eq!(read[0].values, [5.0]);
    }
}
