//! The report of a comparison: what is guarded first, then the rest, then what only one side has.

use std::fmt::Write as _;

use super::pairs::{Compared, Name, Pairs};
use super::verdict::{Guard, Verdict};
use crate::figure::show;

/// Everything, as text for a terminal.
pub(super) fn render(parts: &[Pairs]) -> String {
    let compared = parts.iter().flat_map(Pairs::compared);
    let (guarded, shown): (Vec<_>, Vec<_>) = compared.partition(|figure| figure.guard != Guard::None);
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    let _ = write!(text, "Guarded:\n{}\nShown, not guarded:\n{}", table(&guarded), table(&shown));
    list(&mut text, "Only measured here", parts.iter().flat_map(Pairs::only_here));
    list(&mut text, "Only measured by the baseline", parts.iter().flat_map(Pairs::only_in_baseline));
    let _ = write!(text, "\n{}", summary(&guarded));
    text
}

/// The names of the guarded figures that are broken.
pub(super) fn broken(parts: &[Pairs]) -> Vec<String> {
    let broken = parts.iter().flat_map(Pairs::compared).filter(|figure| figure.verdict == Verdict::Broken);
    broken.map(|figure| format!("{}: {} × {:.3}", show_name(figure.name), figure.unit, figure.ratio.median)).collect()
}

fn table(figures: &[Compared<'_>]) -> String {
    let mut text = String::new();
    let mut place = None;
    for figure in figures {
        let Name { workload, case, subject, .. } = figure.name;
        if place != Some((workload, case, subject)) {
            let _ = writeln!(text, "\n  {}", show_name(figure.name));
            place = Some((workload, case, subject));
        }
        let (here, baseline, ratio) = (show(figure.here), show(figure.baseline), figure.ratio);
        let interval = format!("{:.3} … {:.3}", ratio.low, ratio.high);
        let _ = writeln!(
            text,
            "    {:<34} {baseline:>10} → {here:<10} {:.3}  [{interval}]  {}",
            figure.unit,
            ratio.median,
            figure.verdict.word()
        );
    }
    text
}

fn list<'a>(text: &mut String, title: &str, names: impl Iterator<Item = &'a Name>) {
    let mut names = names.peekable();
    if names.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n{title}:\n");
    for name in names {
        let _ = writeln!(text, "  {}, {}", show_name(name), name.figure);
    }
}

fn summary(guarded: &[Compared<'_>]) -> String {
    let count = |verdict| guarded.iter().filter(|figure| figure.verdict == verdict).count();
    let verdicts = [Verdict::Same, Verdict::Lower, Verdict::Higher, Verdict::Unclear, Verdict::Broken];
    let counts = verdicts.map(|verdict| format!("{} {}", count(verdict), verdict.word()));
    let mut text = format!("Of {} guarded figures: {}\n", guarded.len(), counts.join(", "));
    if count(Verdict::Unclear) > 0 {
        text.push_str("Unclear: a cost is above its bound, but chance may be why; more pairs (--pairs) decide it\n");
    }
    text
}

fn show_name(name: &Name) -> String {
    format!("{} · {} · {}", name.workload, name.case, name.subject)
}
