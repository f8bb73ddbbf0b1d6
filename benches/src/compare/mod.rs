//! `cargo xtask bench --against COMMIT`: this commit beside another one, run by run.
//!
//! Two runs of one program differ by more than what is to be found: the machine is disturbed for a while, warms up, gives
//! less. So the programs of both commits make each measurement right after each other, the one and then the other in one
//! pair, the other and then the one in the next, and only the ratios within pairs are looked at.

mod name;
mod pairs;
mod program;
mod report;
mod verdict;

use std::time::Instant;

use ltq::BoxError;

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
            let of = if pair < flags.pairs { flags.pairs } else { 2 * flags.pairs };
            eprintln!("pair {} of {of}, {}, after {elapsed} s", pair + 1, part.name());
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
        if baseline.is_empty() && PARTS.iter().any(|(group, _)| *group == part.group) {
            // Else nothing would be compared, and nothing broken.
            let (part, flags) = (part.name(), part.flags.join(" "));
            return Err(format!(
                "the baseline measures nothing when called with `--only {part} --out DIR {flags}`: compare with a commit \
                 that knows these flags and writes `results.json`"
            )
            .into());
        }
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;
    use crate::interval::FEWEST;

    fn flags(typed: &[&str]) -> Result<CompareFlags, clap::Error> {
        let command = ["bench", "compare", "--baseline", "program"].iter().chain(typed);
        match Args::try_parse_from(command)?.command {
            Some(crate::args::Command::Compare(flags)) => Ok(flags),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn by_default_what_is_guarded_is_compared() {
        let flags = flags(&[]).unwrap();
        assert!(flags.pairs >= FEWEST);
        let groups: Vec<Group> = parts(&flags.only).iter().map(|part| part.group).collect();
        assert_eq!(groups, [Group::Cost, Group::Enqueue, Group::Drain, Group::PickUp, Group::Backlog]);
    }

    #[test]
    fn groups_are_chosen_and_too_few_pairs_are_refused() {
        let chosen = flags(&["--only", "cost", "scale"]).unwrap();
        let groups: Vec<Group> = parts(&chosen.only).iter().map(|part| part.group).collect();
        assert_eq!(groups, [Group::Cost, Group::Scale]);
        let error = flags(&["--pairs", "7"]).unwrap_err().to_string();
        assert!(error.contains("at least 8 pairs"), "{error}");
    }

    /// Programs of other commits are called in this way, so it has to stay.
    #[test]
    fn the_flags_of_every_part_are_known_to_the_bench() {
        for group in PARTS.map(|(group, _)| group).into_iter().chain([Group::Retries]) {
            let part = parts(&[group])[0];
            let name = part.name();
            let command = ["bench", "--only", &name, "--out", "folder"].into_iter().chain(part.flags.iter().copied());
            let settings = Args::try_parse_from(command).unwrap().settings.resolved();
            assert!(settings.wants(group) && settings.out.is_some(), "{name}");
        }
    }
}
