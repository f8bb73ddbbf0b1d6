//! The files of another commit, in a folder of their own.
//!
//! Written by git through an index of their own, not as a worktree of git: nothing in the repository says that they are
//! there, so deleting the target folder is all there is to clean up.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{BenchError, finish};

/// The full hash of a commit.
pub(super) fn hash(root: &Path, commit: &str) -> Result<String, BenchError> {
    let mut git = git(root);
    git.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{commit}^{{commit}}")]);
    let output = git.output().map_err(|source| BenchError::Start { command: super::shown(&git), source })?;
    let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() { Ok(hash) } else { Err(BenchError::UnknownCommit { commit: commit.to_owned() }) }
}

/// Writes the files of the commit `hash` into a folder below `folder`, unless they are there, and says where.
pub(super) fn write(root: &Path, folder: &Path, hash: &str) -> Result<PathBuf, BenchError> {
    let (whole, part) = (folder.join(hash), folder.join(format!("{hash}.part")));
    if whole.exists() {
        return Ok(whole);
    }
    let failed = |source| BenchError::File { path: part.clone(), source };
    if part.exists() {
        // Of a run that was stopped.
        std::fs::remove_dir_all(&part).map_err(failed)?;
    }
    std::fs::create_dir_all(&part).map_err(failed)?;
    let index = folder.join(format!("{hash}.index"));
    finish(git(root).args(["read-tree", hash]).env("GIT_INDEX_FILE", &index))?;
    // The slash at the end makes it a folder and not the beginning of names.
    let prefix = format!("--prefix={}/", part.display());
    finish(git(root).args(["checkout-index", "--all", "--force", &prefix]).env("GIT_INDEX_FILE", &index))?;
    std::fs::rename(&part, &whole).map_err(failed)?;
    Ok(whole)
}

fn git(root: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(root);
    git
}
