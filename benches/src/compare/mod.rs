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
    (Group::Enqueue, &["--quick", "--messages", "100000", "--runs", "3"]),
    (Group::Drain, &["--quick", "--messages", "50000"]),
    (Group::PickUp, &["--quick"]),
    (Group::Backlog, &["--quick", "--messages", "20000"]),
];
/// How all other groups are measured.
const OTHERS: [&str; 3] = ["--quick", "--messages", "50000"];

/// Measures and reports; an error when something guarded is broken.
#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
pub(crate) fn run(flags: &CompareFlags) -> Result<(), BoxError> {
    let started = Instant::now();
    let here = Program::at(std::env::current_exe()?);
    let baseline = Program::at(flags.baseline.clone());
    let same = here.is_same_as(&baseline)?;
    let parts = parts(&flags.only);
    let mut pairs = Pairs::default();
    for pair in 0..flags.pairs {
        eprintln!("pair {} of {}, after {:.0} s", pair + 1, flags.pairs, started.elapsed().as_secs_f32());
        for part in &parts {
            let (one, other) = if pair % 2 == 0 {
                let one = here.measure(part)?;
                (one, baseline.measure(part)?)
            } else {
                let other = baseline.measure(part)?;
                (here.measure(part)?, other)
            };
            pairs.add(one, other);
        }
    }
    println!(
        "Baseline → here, medians of {} pairs; then the median of the paired ratios here / baseline and its confidence \
         interval of at least 95 %.",
        flags.pairs
    );
    if same {
        println!("Both programs are the same, byte for byte: any difference below is noise.");
    }
    println!("\n{}", report::render(&pairs));
    match report::broken(&pairs).as_slice() {
        [] => Ok(()),
        broken => Err(format!("slower or dearer than the baseline:\n  {}", broken.join("\n  ")).into()),
    }
}

/// The parts that are wanted.
fn parts(only: &[Group]) -> Vec<Part> {
    let flags_of = |group: Group| PARTS.iter().find(|(part, _)| *part == group).map_or(&OTHERS[..], |(_, flags)| flags);
    let groups = if only.is_empty() { PARTS.map(|(group, _)| group).to_vec() } else { only.to_vec() };
    let part = |group| Part { group, flags: flags_of(group).iter().map(ToString::to_string).collect() };
    groups.into_iter().map(part).collect()
}
