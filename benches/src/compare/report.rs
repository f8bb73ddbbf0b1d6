//! The report of a comparison: what is guarded first, then the rest, then what only one side has.

use std::fmt::Write as _;

use super::name::Name;
use super::pairs::{Compared, Pairs};
use super::verdict::{Guard, Verdict};
use crate::figure::show;

/// An interval whose ends differ by more than this factor says nothing: it would hide a difference of a tenth either way.
const WIDE: f64 = 1.25;

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
        let guarded = if Guard::of(name) == Guard::None { "" } else { ", which would be guarded" };
        let _ = writeln!(text, "  {}, {}{guarded}", show_name(name), name.figure);
    }
}

fn summary(guarded: &[Compared<'_>]) -> String {
    let count = |verdict| guarded.iter().filter(|figure| figure.verdict == verdict).count();
    let verdicts = [Verdict::Same, Verdict::Lower, Verdict::Higher, Verdict::Unclear, Verdict::Broken];
    let counts = verdicts.map(|verdict| format!("{} {}", count(verdict), verdict.word()));
    let mut text = format!("Of {} guarded figures: {}\n", guarded.len(), counts.join(", "));
    let wide = guarded.iter().filter(|figure| figure.ratio.high / figure.ratio.low > WIDE).count();
    if wide > 0 {
        let _ = writeln!(
            text,
            "{wide} of their intervals are so wide that even a large difference would not show: the machine was busy"
        );
    }
    if count(Verdict::Unclear) > 0 {
        text.push_str("Unclear: a cost is above its bound, but chance may be why; more pairs (--pairs) decide it\n");
    }
    text
}

fn show_name(name: &Name) -> String {
    format!("{} · {} · {}", name.workload, name.case, name.subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(here: &str, baseline: &str) -> Pairs {
        let mut pairs = Pairs::default();
        let read = |text: &str| serde_json::from_str(text).unwrap();
        (0..8).for_each(|_| pairs.add(read(here), read(baseline)));
        pairs
    }

    fn series(figure: &str, value: f64) -> String {
        format!(
            r#"[{{"workload": "cost", "case": "drain", "subject": "LTQ", "figure": "{figure}", "unit": "of a message",
                "values": [{value}]}}]"#
        )
    }

    #[test]
    fn what_is_broken_is_named_with_how_much() {
        let parts = [
            pairs(&series("Commands", 1.5), &series("Commands", 1.0)),
            pairs(&series("ProcessCpu", 1.5), &series("ProcessCpu", 1.0)),
        ];
        assert_eq!(broken(&parts), ["cost · drain · LTQ: of a message × 1.500"]);
        let text = render(&parts);
        assert!(text.contains("BROKEN") && text.contains("higher"), "{text}");
        assert!(text.contains("Of 1 guarded figures: 0 same, 0 lower, 0 higher, 0 unclear, 1 BROKEN"), "{text}");
        assert!(!text.contains("so wide"), "{text}");
    }

    #[test]
    fn intervals_that_say_nothing_are_counted() {
        let mut pairs = Pairs::default();
        for value in [0.5, 0.8, 0.9, 1.0, 1.0, 1.1, 1.2, 2.0] {
            let read = |text: &str| serde_json::from_str(text).unwrap();
            pairs.add(read(&series("Allocations", value)), read(&series("Allocations", 1.0)));
        }
        let text = render(&[pairs]);
        assert!(text.contains("1 same") && text.contains("1 of their intervals are so wide"), "{text}");
    }

    #[test]
    fn a_guarded_figure_without_a_counterpart_is_pointed_out() {
        let text = render(&[pairs("[]", &series("Commands", 1.0))]);
        assert!(text.contains("Only measured by the baseline:"), "{text}");
        assert!(text.contains("cost · drain · LTQ, Commands, which would be guarded"), "{text}");
        assert!(!text.contains("Only measured here"), "{text}");
    }
}
