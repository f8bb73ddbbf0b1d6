//! Counts as the floating-point numbers that rates and medians are made of.

use std::time::Duration;

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts of messages, bytes and nanoseconds here are far below 2^52")]
pub(crate) fn from_count(count: u64) -> f64 {
    count as f64
}

/// The same for lengths.
pub(crate) fn from_len(len: usize) -> f64 {
    from_count(u64::try_from(len).unwrap_or(u64::MAX))
}

/// How many a second.
pub(crate) fn per_second(count: usize, elapsed: Duration) -> f64 {
    from_len(count) / elapsed.as_secs_f64()
}

/// The middle of an odd number of values, the upper middle of an even one; `None` of none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(4.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn rates_are_per_second() {
        assert!((per_second(100, Duration::from_millis(500)) - 200.0).abs() < 1e-9);
    }
}
