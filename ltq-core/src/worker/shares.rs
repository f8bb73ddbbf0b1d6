//! [`Shares`]: whose turn it is among those who compete for the same thing, one unit at a time.
//!
//! Each competitor has a mark that moves on with each unit it gets, by less where its weight is greater; the lowest mark is
//! next. Who comes new, or comes back, starts where the others are: nobody saves up what it did not want. Of `n`
//! competitors of equal weight each gets one of any `n` units in a row, whatever else comes and goes.

/// How far a unit moves the mark of a competitor of weight 1. Divisible by small weights without a rest.
const STRIDE: u64 = 27_720;

/// The marks of a fixed number of competitors, known by their index.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    marks: Vec<Mark>,
    /// The mark that was the lowest when the last unit was given.
    now: u64,
    /// How many units were given.
    given: u64,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    at: u64,
    stride: u64,
    competes: bool,
    /// Which unit was the last it got. Among equal marks the one that has waited longest is next.
    last: u64,
}

impl Shares {
    /// `count` competitors of equal weight, none of which competes yet.
    pub(super) fn new(count: usize) -> Self {
        Self { marks: vec![Mark { at: 0, stride: STRIDE, competes: false, last: 0 }; count], now: 0, given: 0 }
    }

    /// Says whether one of them competes from now on.
    pub(super) fn set_competes(&mut self, index: usize, competes: bool) {
        let mark = &mut self.marks[index];
        if competes && !mark.competes {
            mark.at = mark.at.max(self.now);
        }
        mark.competes = competes;
    }

    /// Gives one unit to the one whose turn it is, of those who compete and `may` have it; says to whom.
    pub(super) fn next(&mut self, may: impl Fn(usize) -> bool) -> Option<usize> {
        let competing = self.marks.iter().enumerate().filter(|(index, mark)| mark.competes && may(*index));
        let (index, _) = competing.min_by_key(|(_, mark)| (mark.at, mark.last))?;
        self.give(index);
        Some(index)
    }

    /// Gives one unit to this one, out of turn.
    pub(super) fn give(&mut self, index: usize) {
        let mark = &mut self.marks[index];
        self.now = self.now.max(mark.at);
        self.given += 1;
        mark.last = self.given;
        mark.at += mark.stride;
    }

    /// Takes units back that were given but not used.
    pub(super) fn give_back(&mut self, index: usize, units: usize) {
        let mark = &mut self.marks[index];
        mark.at = mark.at.saturating_sub(mark.stride.saturating_mul(units as u64));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn those_who_compete_take_turns() {
        let mut shares = Shares::new(3);
        (0..3).for_each(|index| shares.set_competes(index, index != 1));
        let order: Vec<_> = (0..4).filter_map(|_| shares.next(|_| true)).collect();
        assert_eq!(order, [0, 2, 0, 2]);
        shares.set_competes(1, true);
        assert!((0..3).filter_map(|_| shares.next(|_| true)).any(|index| index == 1), "it had to wait");
        (0..3).for_each(|index| shares.set_competes(index, false));
        assert_eq!(shares.next(|_| true), None);
    }

    #[test]
    fn nobody_saves_up_what_it_did_not_want() {
        let mut shares = Shares::new(2);
        shares.set_competes(0, true);
        (0..100).for_each(|_| assert_eq!(shares.next(|_| true), Some(0)));
        shares.set_competes(1, true);
        let order: Vec<_> = (0..4).filter_map(|_| shares.next(|_| true)).collect();
        assert_eq!(order, [1, 0, 1, 0]);
    }

    #[test]
    fn a_greater_weight_gets_more_and_starves_nobody() {
        let mut shares = Shares::new(2);
        shares.marks[0].stride = STRIDE / 3;
        (0..2).for_each(|index| shares.set_competes(index, true));
        let order: Vec<_> = (0..40).filter_map(|_| shares.next(|_| true)).collect();
        assert!(order.windows(4).all(|window| window.contains(&1)));
        assert_eq!(order.iter().filter(|index| **index == 0).count(), 30);
    }

    proptest! {
        /// Whoever competes gets one of the next units, as many as there are competitors, whatever the others do.
        #[test]
        fn each_gets_one_of_any_n_units(changes in prop::collection::vec((0..5_usize, any::<bool>(), 0..4_usize), 1..200)) {
            let mut shares = Shares::new(5);
            let mut waited = [0_usize; 5];
            for (index, competes, units) in changes {
                shares.set_competes(index, competes);
                waited[index] = if shares.marks[index].competes { waited[index] } else { 0 };
                for _ in 0..units {
                    let Some(got) = shares.next(|_| true) else { break };
                    for (other, waited) in waited.iter_mut().enumerate().filter(|(other, _)| shares.marks[*other].competes) {
                        *waited = if other == got { 0 } else { *waited + 1 };
                    }
                    prop_assert!(waited.iter().all(|waited| *waited < 5), "{waited:?}");
                }
            }
        }
    }
}
