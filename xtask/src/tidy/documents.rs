//! The rules for documents: paths they name exist, and pages that describe code change together with it.
//!
//! A page that describes a file byte for byte carries a line `<!-- describes: PATH HASH -->`. The hash covers the code of
//! the file without comments and tests; when it no longer fits, somebody changed the code and has to read the page.

use std::path::Path;

use super::rust::lines;
use super::{File, Finding, TidyError};

const DESCRIBES: &str = "<!-- describes: ";
/// Pages that must describe a file.
const DESCRIBED: [(&str, &str); 1] = [("docs/wire-format.md", "ltq-core/src/message/codec.rs")];
/// Documents about this repository only, where every source path is one of ours. Others also speak of users' files.
const OURS: [&str; 2] = ["ARCHITECTURE.md", "CONTRIBUTING.md"];

pub(super) fn check(root: &Path, files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        if file.path.ends_with(".md") {
            named_paths_exist(root, file, &mut findings);
            pages_fit_the_code(files, file, &mut findings);
        } else if file.path.ends_with(".rs") {
            next_exists(root, file, &mut findings);
        }
    }
    for (page, path) in DESCRIBED {
        let named = |file: &File| described(&file.text).any(|(_, found, _)| found == path);
        if !files.iter().any(|file| file.path == page && named(file)) {
            let message =
                format!("must exist and hold a line `{DESCRIBES}{path} 0 -->`; then `cargo xtask tidy --bless`");
            findings.push(Finding { path: page.to_owned(), line: 0, message });
        }
    }
    findings
}

/// Writes the hashes as they are now.
pub(super) fn bless(root: &Path, files: &mut [File]) -> Result<(), TidyError> {
    let mut changes = Vec::new();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| file.path.ends_with(".md")) {
        let mut text = file.text.clone();
        for (_, path, old) in described(&file.text) {
            if let Some(new) = hash_of(files, path) {
                text = text.replace(&format!("{DESCRIBES}{path} {old} "), &format!("{DESCRIBES}{path} {new} "));
            }
        }
        if text != file.text {
            changes.push((index, text));
        }
    }
    for (index, text) in changes {
        let file = &mut files[index];
        std::fs::write(root.join(&file.path), &text)
            .map_err(|source| TidyError::File { path: file.path.clone(), source })?;
        eprintln!("{}: now describes the code as it is", file.path);
        file.text = text;
    }
    Ok(())
}

fn pages_fit_the_code(files: &[File], page: &File, findings: &mut Vec<Finding>) {
    for (line, path, hash) in described(&page.text) {
        let message = match hash_of(files, path) {
            None => format!("describes `{path}`, which does not exist: correct the path"),
            Some(now) if now != hash => {
                format!("`{path}` has changed: bring this page up to date, then run `cargo xtask tidy --bless`")
            }
            Some(_) => continue,
        };
        findings.push(Finding::new(page, line, message));
    }
}

/// Line, path and hash of each file the text says it describes.
fn described(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let (path, hash) = line.strip_prefix(DESCRIBES)?.strip_suffix(" -->")?.split_once(' ')?;
        Some((index + 1, path, hash))
    })
}

/// FNV-1a over the code and the literals, which is stable across compilers and machines. It guards against forgetting,
/// not against malice.
fn hash_of(files: &[File], path: &str) -> Option<String> {
    let file = files.iter().find(|file| file.path == path)?;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([b'\n']) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for line in lines(&file.text).iter().filter(|line| !line.test && !line.code.trim().is_empty()) {
        add(line.code.trim());
        line.literals.iter().for_each(|literal| add(literal));
    }
    Some(format!("{hash:016x}"))
}

/// `Next: …` in module documentation names the file where the way of a message goes on.
fn next_exists(root: &Path, file: &File, findings: &mut Vec<Finding>) {
    let docs = file.text.lines().enumerate().take_while(|(_, line)| line.starts_with("//!"));
    let from_next = docs.skip_while(|(_, line)| !line.starts_with("//! Next:"));
    for (index, line) in from_next.take_while(|(_, line)| *line != "//!") {
        for span in code_spans(line).filter(|span| is_source(span)) {
            for path in alternatives(span).into_iter().filter(|path| !resolves(root, &file.path, path)) {
                let message = format!("`Next:` leads to `{path}`, which does not exist: name the file that follows");
                findings.push(Finding::new(file, index + 1, message));
            }
        }
    }
}

fn named_paths_exist(root: &Path, page: &File, findings: &mut Vec<Finding>) {
    let ours = OURS.contains(&page.path.as_str());
    let mut fenced = false;
    for (index, line) in page.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for span in code_spans(line).filter(|span| is_path(span)) {
            let first = span.split('/').next().unwrap_or_default();
            let in_repository = !first.is_empty() && first != "target" && root.join(first).is_dir();
            let checked = if ours { in_repository || is_source(span) } else { in_repository && first != "src" };
            for path in alternatives(span).into_iter().filter(|path| checked && !resolves(root, &page.path, path)) {
                let message = format!("names `{path}`, which does not exist: correct or remove it");
                findings.push(Finding::new(page, index + 1, message));
            }
        }
        for target in link_targets(line) {
            let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
            if !root.join(folder).join(target).exists() {
                findings.push(Finding::new(page, index + 1, format!("links to `{target}`, which does not exist")));
            }
        }
    }
}

/// Texts between single backquotes.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_path(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./{},-".contains(c);
    span.contains('/') && !span.starts_with('/') && span.chars().all(plain)
}

fn is_source(span: &str) -> bool {
    is_path(span) && ["rs", "lua", "{rs,lua}"].iter().any(|end| span.ends_with(&format!(".{end}")))
}

/// `a.{rs,lua}` means two files.
fn alternatives(span: &str) -> Vec<String> {
    let Some((before, rest)) = span.split_once('{') else { return vec![span.to_owned()] };
    let Some((inside, after)) = rest.split_once('}') else { return vec![span.to_owned()] };
    inside.split(',').flat_map(|choice| alternatives(&format!("{before}{choice}{after}"))).collect()
}

/// Whether the path exists, seen from the repository, from the file, or from a package's `src`.
fn resolves(root: &Path, from: &str, path: &str) -> bool {
    let own_folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let own_src = own_folder.ancestors().find(|folder| folder.ends_with("src")).unwrap_or(own_folder);
    let folders = [Path::new(""), own_folder, own_src, Path::new("ltq-core/src")];
    folders.iter().any(|folder| root.join(folder).join(path).exists())
}

/// Where the links of a line lead within this repository.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        (!target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")).then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_spelled_out() {
        assert_eq!(alternatives("a/b.{rs,lua}"), ["a/b.rs", "a/b.lua"]);
        assert_eq!(alternatives("a/b.rs"), ["a/b.rs"]);
    }

    #[test]
    fn spans_and_links_are_found() {
        assert_eq!(code_spans("see `a/b.rs` and `c`").collect::<Vec<_>>(), ["a/b.rs", "c"]);
        assert_eq!(link_targets("[a](b.md#c), [d](#e), [f](https://g)").collect::<Vec<_>>(), ["b.md"]);
        assert!(is_source("broker/redis/turn.{rs,lua}"));
        assert!(!is_path("redis://localhost"));
    }

    #[test]
    fn comments_and_tests_do_not_count_as_change() {
        let hash = |text: &str| hash_of(&[File { path: "a.rs".to_owned(), text: text.to_owned() }], "a.rs");
        let before = hash("//! A.\nfn a() { b(\"c\") }");
        assert_eq!(before, hash("//! B.\n\n// C.\nfn a() { b(\"c\") }\n#[cfg(test)]\nmod tests {}"));
        assert_ne!(before, hash("//! A.\nfn a() { b(\"d\") }"));
        assert_ne!(before, hash("//! A.\nfn b() { b(\"c\") }"));
    }

    #[test]
    fn a_page_must_fit_its_code() {
        let code = File { path: "a.rs".to_owned(), text: "fn a() {}".to_owned() };
        let page = |hash: &str| File { path: "a.md".to_owned(), text: format!("{DESCRIBES}a.rs {hash} -->") };
        let hash = hash_of(std::slice::from_ref(&code), "a.rs").unwrap();
        let files = [code];
        for (written, count) in [("0", 1), (hash.as_str(), 0)] {
            let mut findings = Vec::new();
            pages_fit_the_code(&files, &page(written), &mut findings);
            assert_eq!(findings.len(), count);
        }
    }
}
