//! `cargo xtask tidy`: the rules of this repository that no compiler and no lint checks.
//!
//! Each rule is one function from the files to its findings; each finding says where it is and what to do. The rules
//! read text, not syntax trees, since half of them are about comments and documents.

mod api;
mod documents;
mod functions;
mod licences;
mod lua;
mod rust;
mod sources;

use std::fmt;
use std::path::Path;

/// The flags of `cargo xtask tidy`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Marks the documents as describing the code as it now is. Read them first.
    #[arg(long)]
    bless: bool,
}

/// Why the rules could not be checked, or that they are broken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TidyError {
    /// A file could not be read or written.
    #[error("`{path}`: {source}")]
    File { path: String, source: std::io::Error },
    /// Cargo does not tell what the workspace is made of.
    #[error("the list of dependencies could not be read: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// Rules are broken; they have been printed.
    #[error("{0} finding(s), see above")]
    Findings(usize),
}

/// One broken rule.
#[derive(Debug)]
struct Finding {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    message: String,
}

impl Finding {
    fn new(file: &File, line: usize, message: impl Into<String>) -> Self {
        Self { path: file.path.clone(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// A text file of the repository.
#[derive(Debug)]
struct File {
    /// From the root of the repository, with `/`.
    path: String,
    text: String,
}

/// Checks all rules and prints what breaks them.
pub(crate) fn run(root: &Path, args: &Args) -> Result<(), TidyError> {
    let mut files = Vec::new();
    read(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if args.bless {
        documents::bless(root, &mut files)?;
    }
    let mut findings = sources::check(&files);
    findings.extend(api::check(&files));
    findings.extend(documents::check(root, &files));
    findings.extend(licences::check(root)?);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() { Ok(()) } else { Err(TidyError::Findings(findings.len())) }
}

/// Reads the files the rules are about, without what is built and what is hidden.
fn read(root: &Path, folder: &str, files: &mut Vec<File>) -> Result<(), TidyError> {
    let failed = |path: &str| {
        let path = path.to_owned();
        move |source| TidyError::File { path, source }
    };
    for entry in std::fs::read_dir(root.join(folder)).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let kind = entry.file_type().map_err(failed(&path))?;
        if kind.is_dir() {
            read(root, &path, files)?;
        } else if kind.is_file() && [".rs", ".lua", ".md"].iter().any(|end| path.ends_with(end)) {
            let text = std::fs::read_to_string(root.join(&path)).map_err(failed(&path))?;
            files.push(File { path, text });
        }
    }
    Ok(())
}
