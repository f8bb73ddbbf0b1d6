//! [`Programs`]: what the package of the measurements is built into.
//!
//! Cargo is asked where the programs are, because settings of the user may put them elsewhere.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cargo_metadata::Message;

use super::{BenchError, shown};
use crate::cargo;

/// The program that measures.
const PLAIN: &str = "ltq-bench";
/// Its sibling whose allocator counts, which it looks for beside itself.
const COUNTING: &str = "ltq-bench-allocations";

/// Both, in one folder.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) plain: PathBuf,
    counting: PathBuf,
}

/// Builds them with optimisation from the sources in `tree`, into `target` or else where cargo builds. The lock file is kept
/// where another commit is built.
pub(super) fn build(tree: &Path, target: Option<&Path>) -> Result<Programs, BenchError> {
    let mut command = cargo::command(tree);
    command.args(["build", "--release", "--package", "ltq-bench", "--bins"]);
    if let Some(target) = target {
        command.arg("--locked").arg("--target-dir").arg(target);
    }
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let shown = shown(&command);
    let start = |source| BenchError::Start { command: shown.clone(), source };
    let mut child = command.spawn().map_err(start)?;
    let mut built = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(stdout)) {
            if let Message::CompilerArtifact(artifact) = message.map_err(start)?
                && let Some(path) = artifact.executable
            {
                built.push((artifact.target.name, path.into_std_path_buf()));
            }
        }
    }
    let status = child.wait().map_err(start)?;
    if !status.success() {
        return Err(BenchError::Failed { command: shown, status });
    }
    let mut take = |program: &'static str| {
        let found = built.iter().position(|(name, _)| name == program);
        let found = found.map(|index| built.swap_remove(index).1);
        found.ok_or_else(|| BenchError::NotBuilt { command: shown.clone(), program })
    };
    Ok(Programs { plain: take(PLAIN)?, counting: take(COUNTING)? })
}

impl Programs {
    /// Copies them, so that building again meanwhile cannot change what is measured.
    pub(super) fn copy_to(self, folder: &Path) -> Result<Self, BenchError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BenchError::File { path, source }
        };
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        let copy = |from: &Path| {
            let to = folder.join(from.file_name().unwrap_or_default());
            // Removed first: a program that runs cannot be written to.
            let _ = std::fs::remove_file(&to);
            std::fs::copy(from, &to).map_err(failed(&to))?;
            Ok::<PathBuf, BenchError>(to)
        };
        Ok(Self { plain: copy(&self.plain)?, counting: copy(&self.counting)? })
    }
}
