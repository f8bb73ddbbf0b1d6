//! Collects figures over several runs and prints medians.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use crate::Args;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Messages per second: more is better.
    PerSecond,
    /// Microseconds: less is better.
    Microseconds,
}

struct Row {
    name: &'static str,
    unit: Unit,
    ltq: Vec<f64>,
    ceiling: Vec<f64>,
}

/// The figures of all runs.
pub(crate) struct Report {
    heading: String,
    write: Option<PathBuf>,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(args: &Args) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let heading = format!(
            "{} messages of 160 bytes, {} runs, concurrency {}, {cores} cores shared by Redis and LTQ; medians.",
            args.messages, args.runs, args.concurrency,
        );
        Self { heading, write: args.write.clone(), rows: Vec::new() }
    }

    /// Adds the figures of one run.
    pub(crate) fn add(&mut self, name: &'static str, unit: Unit, ltq: f64, ceiling: f64) {
        eprintln!("  {name}: {ltq:.0}, ceiling {ceiling:.0}");
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => {
                row.ltq.push(ltq);
                row.ceiling.push(ceiling);
            }
            None => self.rows.push(Row { name, unit, ltq: vec![ltq], ceiling: vec![ceiling] }),
        }
    }

    /// Prints the table, and writes it where asked.
    #[expect(clippy::print_stdout, reason = "the table is what the command is for")]
    pub(crate) fn finish(self) -> io::Result<()> {
        let table = self.table();
        println!("{table}");
        match self.write {
            Some(path) => std::fs::write(path, table),
            None => Ok(()),
        }
    }

    fn table(&self) -> String {
        let mut table = format!("{}\n\n| | LTQ | ceiling | LTQ / ceiling |\n| --- | --- | --- | --- |\n", self.heading);
        for row in &self.rows {
            let ratios = row.ltq.iter().zip(&row.ceiling).map(|(ltq, ceiling)| ltq / ceiling).collect();
            let unit = match row.unit {
                Unit::PerSecond => "/s",
                Unit::Microseconds => " µs",
            };
            let (ltq, ceiling, ratio) = (median(row.ltq.clone()), median(row.ceiling.clone()), median(ratios));
            // Writing into a `String` cannot fail.
            let _ = writeln!(table, "| {} | {ltq:.0}{unit} | {ceiling:.0}{unit} | {ratio:.2} |", row.name);
        }
        table
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
