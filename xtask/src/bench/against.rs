//! `cargo xtask bench --against COMMIT`: builds the measurements of both commits, and lets the newer one compare.
//!
//! What is built of the other commit stays in the target folder. All other commits share one folder to build in, so that
//! their dependencies are built once.

use std::path::Path;
use std::process::Command;

use cargo_metadata::MetadataCommand;

use super::{BenchError, finish, programs, tree};

/// The file that names the commit all later work is compared with.
const BASELINE: &str = "benches/plain-baseline";

pub(super) fn run(root: &Path, commit: Option<&str>, settings: &[String]) -> Result<(), BenchError> {
    let commit = match commit {
        Some(commit) => commit.to_owned(),
        None => baseline(&root.join(BASELINE))?,
    };
    let hash = tree::hash(root, &commit)?;
    let target = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?.target_directory;
    let folder = target.into_std_path_buf().join("against");

    let tree = tree::write(root, &folder.join("trees"), &hash)?;
    eprintln!("building the measurements of {hash}");
    let other = programs::build(&tree, Some(&folder.join("build")))?.copy_to(&folder.join("programs").join(&hash))?;
    eprintln!("building the measurements of these files");
    let here = programs::build(root, None)?.copy_to(&folder.join("programs").join("here"))?;

    let mut compare = Command::new(&here.plain);
    finish(compare.current_dir(root).arg("compare").arg("--baseline").arg(&other.plain).args(settings))
}

/// The commit that a file names: its first line that is no comment.
fn baseline(path: &Path) -> Result<String, BenchError> {
    let text = std::fs::read_to_string(path).map_err(|source| BenchError::File { path: path.to_owned(), source })?;
    named_in(&text).map(str::to_owned).ok_or_else(|| BenchError::NoBaseline { path: path.to_owned() })
}

fn named_in(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_is_the_first_line_that_is_no_comment() {
        assert_eq!(named_in("# why\n\n  e4e2484  \nother\n"), Some("e4e2484"));
        assert_eq!(named_in("# why\n"), None);
    }

    #[test]
    fn the_repository_names_a_full_hash() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(BASELINE);
        let commit = baseline(&path).unwrap();
        assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{commit}");
    }
}
