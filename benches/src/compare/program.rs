//! [`Program`]: the measurements of one commit, as a program that is called.
//!
//! Both programs are called through what the baseline has: the flags `--only`, `--quick`, `--runs`, `--messages` and `--out`,
//! and `results.json` in the folder that `--out` names. Each measures with its own driver, since commits differ in keys,
//! scripts and message bytes, which only their own driver knows.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum as _;
use ltq::BoxError;
use serde::Deserialize;
use tempfile::TempDir;

use super::pairs::Series;
use crate::args::Group;

/// What clap ends with when it does not know a flag or a value.
const USAGE: i32 = 2;
/// How many of its last lines a program that failed is quoted with.
const QUOTED: usize = 15;

/// One of the two.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
}

/// A call of a program: a group of measurements, and with which flags.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) group: Group,
    pub(super) flags: &'static [&'static str],
}

/// As much of `results.json` as is compared.
#[derive(Deserialize)]
struct Results {
    series: Vec<Series>,
}

impl Part {
    /// The group as it is typed.
    pub(super) fn name(&self) -> String {
        self.group.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Program {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes the measurements of a part once. A program that does not know the group measures nothing of it.
    pub(super) fn measure(&self, part: &Part) -> Result<Vec<Series>, BoxError> {
        let folder = TempDir::with_prefix("ltq-bench-")?;
        let group = part.name();
        let output = Command::new(&self.path)
            .args(["--only", &group, "--out"])
            .arg(folder.path())
            .args(part.flags)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{} could not be started: {error}", self.path.display()))?;
        if output.status.code() == Some(USAGE) {
            return Ok(Vec::new());
        }
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let lines: Vec<&str> = said.lines().collect();
            let last = lines[lines.len().saturating_sub(QUOTED)..].join("\n");
            let path = self.path.display();
            return Err(
                format!("{path} failed at the group `{group}` ({}); it said last:\n{last}", output.status).into()
            );
        }
        read(&folder.path().join("results.json"))
    }

    /// Whether both are the same, byte for byte. Cargo builds the same program from the same sources in any folder.
    pub(super) fn is_same_as(&self, other: &Self) -> Result<bool, BoxError> {
        Ok(bytes_of(&self.path)? == bytes_of(&other.path)?)
    }
}

fn read(path: &Path) -> Result<Vec<Series>, BoxError> {
    let results: Results = serde_json::from_slice(&bytes_of(path)?)
        .map_err(|error| format!("{} is not what the measurements write: {error}", path.display()))?;
    Ok(results.series)
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, BoxError> {
    std::fs::read(path).map_err(|error| format!("{} could not be read: {error}", path.display()).into())
}
