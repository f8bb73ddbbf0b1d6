//! The tables, as Markdown. One for what is promised, then one for each workload: a row for each case and figure, a column
//! for each subject, and LTQ's share of each of the others.

use std::fmt::Write as _;

use super::{Environment, promises};
use crate::bench::Bench;
use crate::figure::show;
use crate::job::Subject;
use crate::peers::Peer;
use crate::record::{Place, Record, Series};

/// A table of cells.
struct Table {
    text: String,
}

impl Table {
    fn new<S: AsRef<str>>(columns: &[S]) -> Self {
        let mut table = Self { text: String::new() };
        table.row(columns);
        table.row(&vec!["---"; columns.len()]);
        table
    }

    fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        for cell in cells {
            // Writing into a `String` cannot fail.
            let _ = write!(self.text, "| {} ", cell.as_ref().replace('|', "\\|"));
        }
        self.text.push_str("|\n");
    }
}

/// The whole page.
pub(super) fn render(bench: &Bench, environment: &Environment, plots: &[String]) -> String {
    let mut page = format!(
        "# Results\n\nWritten by `cargo xtask bench`; every value of every run is in `results.json`, and what each row \
         means in `README.md`, both in this folder.\n\n{}\n\n## What is promised\n\n{}",
        environment.describe(),
        promised(&bench.record)
    );
    let mut workloads: Vec<&str> = Vec::new();
    for series in &bench.record.series {
        if !workloads.contains(&series.workload) {
            workloads.push(series.workload);
        }
    }
    for workload in workloads {
        let _ = write!(page, "\n## {}\n\n{}", capital(workload), measured(&bench.record, workload));
    }
    if !bench.peers.is_empty() {
        let _ = write!(page, "\n## How the other queues were set up\n\n{}", settings(&bench.peers));
    }
    if !plots.is_empty() {
        page.push_str("\n## Plots\n");
        for plot in plots {
            let _ = write!(page, "\n![{}]({plot})\n", plot.trim_end_matches(".svg").replace('-', " "));
        }
    }
    page
}

fn promised(record: &Record) -> String {
    let mut table = Table::new(&["", "target", "measured", "held"]);
    for promise in promises::all(record) {
        table.row(&[promise.name.as_str(), &promise.target.show(), &promise.shown(), promise.held()]);
    }
    table.text
}

fn measured(record: &Record, workload: &str) -> String {
    let all: Vec<&Series> = record.series.iter().filter(|series| series.workload == workload).collect();
    let (mut subjects, mut rows) = (Vec::new(), Vec::new());
    for series in &all {
        if !subjects.contains(&series.subject.as_str()) {
            subjects.push(series.subject.as_str());
        }
        if !rows.contains(&(series.case.as_str(), series.figure)) {
            rows.push((series.case.as_str(), series.figure));
        }
    }
    let ltq = Subject::Ltq.name();
    // Runs change the order of subjects; the table does not.
    subjects.sort_by_key(|subject| (*subject != ltq, *subject != Subject::Ceiling.name()));
    rows.sort_by_key(|(case, _)| rows_before(&all, case));
    let others: Vec<&str> = subjects.iter().copied().filter(|subject| *subject != ltq).collect();
    let head = ["".to_owned(), "figure".to_owned()].into_iter().chain(subjects.iter().map(ToString::to_string));
    let head: Vec<String> = head.chain(others.iter().map(|other| format!("LTQ / {other}"))).collect();
    let mut table = Table::new(&head);
    for (case, figure) in rows {
        let mut cells = vec![case.to_owned(), figure.name().to_owned()];
        let found = |subject| all.iter().find(|s| s.case == case && s.figure == figure && s.subject == subject);
        for subject in &subjects {
            let median = found(*subject).and_then(|series| series.median());
            cells.push(median.map_or_else(String::new, show));
        }
        for other in &others {
            let place = |subject| Place { workload: all[0].workload, case, subject };
            let share = record.ratio(place(ltq), place(other), figure);
            cells.push(share.map_or_else(String::new, |share| format!("{share:.2}")));
        }
        table.row(&cells);
    }
    table.text
}

/// Rows of one case stand together, where its first one came.
fn rows_before(all: &[&Series], case: &str) -> usize {
    all.iter().position(|series| series.case == case).unwrap_or(all.len())
}

fn settings(peers: &[Peer]) -> String {
    let mut table = Table::new(&["", "enqueue", "drain", "trouble"]);
    for peer in peers {
        let trouble = peer.trouble.as_deref().unwrap_or_default();
        table.row(&[peer.name.as_str(), &peer.enqueue_setting, &peer.drain_setting, trouble]);
    }
    table.text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Figure;

    #[test]
    fn each_workload_is_a_table_with_shares() {
        let mut record = Record::default();
        for (subject, value) in [("ceiling", 400.0), ("LTQ", 200.0)] {
            record.add(Place { workload: "drain", case: "small", subject }, Figure::Rate, value);
        }
        record.add(Place { workload: "drain", case: "large", subject: "LTQ" }, Figure::Rate, 5.0);
        let table = measured(&record, "drain");
        assert_eq!(
            table,
            "|  | figure | LTQ | ceiling | LTQ / ceiling |\n| --- | --- | --- | --- | --- |\n\
             | small | messages/s | 200 | 400 | 0.50 |\n| large | messages/s | 5.00 |  |  |\n"
        );
    }
}
