//! `cargo xtask bench --against COMMIT`: this commit beside another one, run by run.
//!
//! Two runs of one program differ by more than what is to be found: the machine is disturbed for a while, warms up, gives
//! less. So the programs of both commits make each measurement right after each other, the one and then the other in one
//! pair, the other and then the one in the next, and only the ratios within pairs are looked at.

mod interval;
mod pairs;
mod program;
mod report;
mod verdict;

use std::time::Instant;

use ltq::BoxError;

pub(crate) use self::interval::FEWEST;
use self::pairs::Pairs;
use self::program::{Part, Program};
use crate::args::{CompareFlags, Group};

/// What is compared when nothing else is said, and with which flags: what a plain message costs and how fast it is, in
/// measurements of some tenths of a second, so that many pairs can be made.
const PARTS: [(Group, &[&str]); 5] = [
    (Group::Cost, &["--quick", "--messages", "100000"]),
    (Group::Enqueue, &["--quick", "--messages", "100000"]),
    (Group::Drain, &["--quick", "--messages", "50000"]),
    (Group::PickUp, &["--quick"]),
    (Group::Backlog, &["--quick", "--messages", "20000"]),
];
/// How all other groups are measured.
const OTHERS: [&str; 3] = ["--quick", "--messages", "50000"];

/// Both programs.
struct Both {
    here: Program,
    baseline: Program,
}

/// Measures and reports; an error when something guarded is broken.
pub(crate) fn run(flags: &CompareFlags) -> Result<(), BoxError> {
    let started = Instant::now();
    let both = Both { here: Program::at(std::env::current_exe()?), baseline: Program::at(flags.baseline.clone()) };
    let same = both.here.is_same_as(&both.baseline)?;
    let parts = parts(&flags.only);
    let mut pairs: Vec<Pairs> = parts.iter().map(|_| Pairs::default()).collect();
    for pair in 0..2 * flags.pairs {
        // What chance may explain after as many pairs as were asked for is measured up to as often again.
        let goes_on = |pairs: &Pairs| pair < flags.pairs || pairs.is_unclear();
        for (part, pairs) in parts.iter().zip(&mut pairs).filter(|(_, pairs)| goes_on(pairs)) {
            let elapsed = started.elapsed().as_secs();
            eprintln!("pair {} of {}, {}, after {elapsed} s", pair + 1, flags.pairs, part.name());
            both.measure(part, pair, pairs)?;
        }
    }
    print(flags.pairs, same, &report::render(&pairs));
    match report::broken(&pairs).as_slice() {
        [] => Ok(()),
        broken => Err(format!("slower or dearer than the baseline:\n  {}", broken.join("\n  ")).into()),
    }
}

impl Both {
    /// One run of each, beginning with another one than the pair before.
    fn measure(&self, part: &Part, pair: usize, pairs: &mut Pairs) -> Result<(), BoxError> {
        let (here, baseline) = if pair.is_multiple_of(2) {
            let here = self.here.measure(part)?;
            (here, self.baseline.measure(part)?)
        } else {
            let baseline = self.baseline.measure(part)?;
            (self.here.measure(part)?, baseline)
        };
        pairs.add(here, baseline);
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
fn print(pairs: usize, same: bool, report: &str) {
    println!(
        "Baseline → here, medians of {pairs} pairs or more; the median of the paired ratios here / baseline, its \
         confidence interval of at least 99 %, and what that says."
    );
    if same {
        println!("Both are the same program, byte for byte: any difference below is noise.");
    }
    println!("\n{report}");
}

/// The parts that are wanted.
fn parts(only: &[Group]) -> Vec<Part> {
    let flags_of = |group: Group| PARTS.iter().find(|(part, _)| *part == group).map_or(&OTHERS[..], |(_, flags)| flags);
    let groups = if only.is_empty() { PARTS.map(|(group, _)| group).to_vec() } else { only.to_vec() };
    groups.into_iter().map(|group| Part { group, flags: flags_of(group) }).collect()
}
