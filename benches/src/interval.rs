//! [`Interval`]: the median of some values, and how far it may be from the one that endless values would have.
//!
//! The interval is that of the sign test: its ends are two of the values, as many from the one end as from the other. It
//! contains the true median unless too few values fall on one side of it, and how many do is binomial with probability ½,
//! whatever the values are distributed like. So it assumes no shape, and a run that something disturbed moves an end by at
//! most one value. (W. R. Thompson, "On Confidence Ranges for the Median and Other Expectation Distributions for Populations
//! of Unknown Distribution Form", Annals of Mathematical Statistics 7, 1936; H. A. David and H. N. Nagaraja, "Order
//! Statistics", 3rd edition, section 7.1.)

/// How often at most the interval may miss the true median. Some dozens of figures are guarded at once, so what is common
/// for one figure would make every third comparison of a commit with itself fail.
const MISSES: f64 = 0.01;
/// With fewer values no interval of that confidence exists.
pub(crate) const FEWEST: usize = 8;

/// A median with its confidence interval of at least 99 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Interval {
    /// Of values that must not be NaN; nothing of fewer than [`FEWEST`].
    pub(crate) fn of_median(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let cut = cut_at_each_end(sorted.len())?;
        let middle = sorted.len() / 2;
        // Not `numbers::median`: of an even number of ratios its upper middle would favour one side.
        let below = if sorted.len().is_multiple_of(2) { middle - 1 } else { middle };
        let median = f64::midpoint(*sorted.get(below)?, *sorted.get(middle)?);
        Some(Self { low: *sorted.get(cut)?, median, high: *sorted.get(sorted.len() - 1 - cut)? })
    }

    /// The same of the inverse values.
    pub(crate) fn inverse(self) -> Self {
        Self { low: 1.0 / self.high, median: 1.0 / self.median, high: 1.0 / self.low }
    }
}

/// How many of `count` values lie outside the interval at each end: the most for which twice the binomial tail is within
/// [`MISSES`].
fn cut_at_each_end(count: usize) -> Option<usize> {
    let mut probability = 0.5_f64.powi(i32::try_from(count).ok()?);
    let (mut tail, mut left, mut taken) = (probability, f64::from(u32::try_from(count).ok()?), 1.0);
    let mut cut = None;
    let mut next = 0;
    while 2.0 * tail <= MISSES && next < count {
        cut = Some(next);
        next += 1;
        // From the probability of so many heads to that of one more.
        probability *= left / taken;
        left -= 1.0;
        taken += 1.0;
        tail += probability;
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of the sign test, for a confidence of at least 99 %.
    #[test]
    fn as_many_values_are_cut_as_the_tables_say() {
        for (count, cut) in [(8, 0), (11, 0), (12, 1), (14, 1), (15, 2), (20, 3), (25, 5), (50, 15)] {
            assert_eq!(cut_at_each_end(count), Some(cut), "{count}");
        }
        assert_eq!(cut_at_each_end(FEWEST - 1), None);
        assert_eq!(cut_at_each_end(0), None);
    }

    #[test]
    fn disturbed_runs_at_either_end_do_not_widen_it() {
        let values = [1.0, 0.2, 1.01, 0.99, 9.0, 1.02, 0.98, 1.0, 1.03, 0.97, 1.0, 1.0];
        let interval = Interval::of_median(&values).unwrap();
        assert_eq!(interval, Interval { low: 0.97, median: 1.0, high: 1.03 });
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let interval = Interval::of_median(&[0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 7.0, 8.0]).unwrap();
        assert_eq!(interval, Interval { low: 0.0, median: 4.0, high: 8.0 });
    }

    #[test]
    fn inverting_swaps_the_ends() {
        let interval = Interval { low: 0.5, median: 1.0, high: 4.0 }.inverse();
        assert_eq!(interval, Interval { low: 0.25, median: 1.0, high: 2.0 });
    }

    /// Of all ways in which values can fall on the sides of their true median, at most one in a hundred is missed.
    #[test]
    fn the_interval_holds_what_it_promises() {
        for count in FEWEST..=16 {
            let cut = cut_at_each_end(count).unwrap();
            let missed = (0..1_u32 << count).filter(|sides| {
                let below = usize::try_from(sides.count_ones()).unwrap();
                below <= cut || below >= count - cut
            });
            let missed = f64::from(u32::try_from(missed.count()).unwrap()) / f64::from(1_u32 << count);
            assert!(missed <= MISSES, "{count}: {missed}");
        }
    }
}
