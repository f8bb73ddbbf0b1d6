//! The report: `results.md` to read, `results.json` with every value of every run, and plots.

mod chart;
mod environment;
mod markdown;
mod plots;
mod promises;

use std::path::Path;

use ltq::BoxError;
use serde::Serialize;

pub(crate) use self::environment::Environment;
use crate::bench::Bench;
use crate::record::Record;

/// What `results.json` holds.
#[derive(Serialize)]
struct Raw<'a> {
    environment: &'a Environment,
    #[serde(flatten)]
    record: &'a Record,
}

/// Prints the tables, and writes everything where it is wanted.
#[expect(clippy::print_stdout, reason = "the tables are what the command is for")]
pub(crate) fn finish(bench: &Bench, environment: &Environment) -> Result<(), BoxError> {
    let Some(folder) = &bench.settings.out else {
        println!("{}", markdown::render(bench, environment, &[]));
        return Ok(());
    };
    std::fs::create_dir_all(folder)?;
    let plots = plots::draw(&bench.record, folder)?;
    let tables = markdown::render(bench, environment, &plots);
    println!("{tables}");
    write(folder, "results.md", &tables)?;
    let raw = serde_json::to_string_pretty(&Raw { environment, record: &bench.record })?;
    write(folder, "results.json", &format!("{raw}\n"))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), BoxError> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|error| format!("{} could not be written: {error}", path.display()).into())
}
