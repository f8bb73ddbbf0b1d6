//! The rules for what users see: names are listed, brokers are not among them, and what may grow says so.

use super::rust::{Line, lines};
use super::{File, Finding};

/// What users depend on.
const FACADE: &str = "src/lib.rs";
/// Where the code behind it is.
const LIBRARIES: [&str; 2] = ["ltq-core/src/", "src/"];
/// The contract with brokers, which the facade does not export but for what stands in it by name.
const BROKERS: &str = "ltq-core/src/broker/";
/// What the contract is called where somebody takes or gives a broker.
const CONTRACT: [&str; 4] = ["dyn Broker", "dyn Produce", "dyn Consume", "dyn Admin"];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| LIBRARIES.iter().any(|library| file.path.starts_with(library))) {
        let lines = lines(&file.text);
        if file.path == FACADE {
            names_are_listed(file, &lines, &mut findings);
        }
        if !file.path.starts_with(BROKERS) && !file.path.ends_with("tests.rs") {
            brokers_stay_inside(file, &lines, &mut findings);
            what_may_grow_says_so(file, &lines, &mut findings);
        }
    }
    findings
}

fn names_are_listed(file: &File, lines: &[Line], findings: &mut Vec<Finding>) {
    for (index, _) in lines.iter().enumerate().filter(|(_, line)| line.code.contains("::*")) {
        let message = "exports whatever a module has: list the names, so that each is a decision";
        findings.push(Finding::new(file, index + 1, message));
    }
}

/// A public function or field does not name the contract with brokers, so that it can change in any release.
fn brokers_stay_inside(file: &File, lines: &[Line], findings: &mut Vec<Finding>) {
    let mut depth: usize = 0;
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.test) {
        let public = depth > 0 || line.code.trim_start().starts_with("pub ");
        for part in CONTRACT.iter().filter(|part| public && line.code.contains(**part)) {
            let message =
                format!("shows `{part}` to users: keep it `pub(crate)`; tools of this workspace use `BrokerAccess`");
            findings.push(Finding::new(file, index + 1, message));
        }
        // The signature goes on while a parenthesis is open.
        if public {
            let (opened, closed) = (line.code.matches('(').count(), line.code.matches(')').count());
            depth = (depth + opened).saturating_sub(closed);
        }
    }
}

/// A public enum, or a struct with public fields, that gets one more breaks its users unless they were told.
fn what_may_grow_says_so(file: &File, lines: &[Line], findings: &mut Vec<Finding>) {
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.test) {
        let code = line.code.trim_end();
        let grows = match code.trim_start() {
            item if item.starts_with("pub enum ") => true,
            item if item.starts_with("pub struct ") => code.ends_with('{') && has_public_fields(&lines[index + 1..]),
            _ => false,
        };
        if grows && !attributes(&lines[..index]).any(|line| line.code.contains("non_exhaustive")) {
            let message =
                "may grow, and does not say so: add `#[non_exhaustive]`, and a constructor where users make one";
            findings.push(Finding::new(file, index + 1, message));
        }
    }
}

fn has_public_fields(body: &[Line]) -> bool {
    let body = body.iter().map(|line| line.code.trim_start()).take_while(|code| !code.starts_with('}'));
    body.into_iter().any(|code| code.starts_with("pub "))
}

/// The lines directly above an item that belong to it.
fn attributes(above: &[Line]) -> impl Iterator<Item = &Line> {
    above.iter().rev().take_while(|line| {
        let code = line.code.trim();
        if code.is_empty() { line.comment } else { !code.ends_with(['{', '}', ';']) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let files = [File { path: path.to_owned(), text: text.to_owned() }];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_rule_finds_what_breaks_it() {
        for (path, text, part) in [
            (FACADE, "pub use ltq_core::client::*;", "lib.rs:1: exports whatever"),
            ("ltq-core/src/client/a.rs", "impl A {\n    pub fn on(b: Arc<dyn Broker>) {}\n}", "a.rs:2: shows"),
            ("ltq-core/src/client/a.rs", "pub fn on(\n    a: u8,\n    b: &dyn Consume,\n) {}", "a.rs:3: shows"),
            ("ltq-core/src/a.rs", "\n/// A.\n#[derive(Debug)]\npub enum A {\n    B,\n}", "a.rs:4: may grow"),
            ("src/a.rs", "#[non_exhaustive]\npub enum A {}\n\npub struct B {\n    pub a: u8,\n}", "a.rs:4: may grow"),
        ] {
            let found = found(path, text);
            assert!(found.len() == 1 && found[0].contains(part), "{text}: {found:?}");
        }
    }

    #[test]
    fn what_the_rules_allow_is_not_found() {
        let fine = "/// `a::*`\n#[non_exhaustive]\n#[error(\n    \"a\"\n)]\npub enum A {\n    B,\n}\n\n\
                    pub struct B {\n    a: Arc<dyn Broker>,\n}\n\nimpl B {\n    pub fn new(a: u8) -> Self {\n\
                    let b: Arc<dyn Broker> = c();\n    }\n    pub(crate) fn broker(&self) -> &dyn Broker {}\n}\n\
                    pub(crate) enum C {}\n#[cfg(test)]\nmod tests {\n    pub enum D {}\n}";
        assert_eq!(found("ltq-core/src/client/a.rs", fine), [""; 0]);
        assert_eq!(found(FACADE, fine), [""; 0]);
        assert_eq!(found("ltq-core/src/broker/a.rs", "pub enum A {}\npub fn a(b: &dyn Broker) {}"), [""; 0]);
    }
}
