//! The rules for source files: size, module documentation, and who may do what.

use std::collections::BTreeSet;

use super::functions::functions;
use super::lua::script;
use super::rust::{Line, lines};
use super::{File, Finding};

/// The longest source file, in lines.
const MAX_LINES: usize = 420;
/// The longest function, in lines from its `fn` to the brace that closes it.
const MAX_FUNCTION_LINES: usize = 60;
/// Copies of what earlier versions were made of. They stay byte for byte as they were, so their size is no rule's affair.
const FROZEN: &str = "tests/fixtures/";
/// Where the code of the published libraries is.
const LIBRARIES: [&str; 3] = ["ltq-core/src/", "ltq-macros/src/", "src/"];
/// Where queues on Redis are.
const REDIS: &str = "ltq-core/src/broker/redis/";
/// The only folder of `ltq-core` that knows the Redis client.
const LINK: &str = "ltq-core/src/broker/redis/link/";
/// The only file that builds keys.
const KEYS: &str = "ltq-core/src/broker/redis/keys.rs";
/// Who may read this machine's clock: the sender, for the time a message was built, and the broker that is itself the
/// clock of its messages.
const CLOCKS: [&str; 3] = ["ltq-core/src/message/", "ltq-core/src/client/", "ltq-core/src/broker/memory/"];
/// What ends the program where an error could be returned.
const PANICS: [&str; 4] = ["todo!(", "unimplemented!(", ".unwrap()", ".expect("];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let keys = key_names(files);
    let mut findings = Vec::new();
    for file in files {
        if file.path.ends_with(".rs") {
            let lines = lines(&file.text);
            size(file, &mut findings);
            function_size(file, &lines, &mut findings);
            module_docs(file, &mut findings);
            client_stays_in_its_folder(file, &lines, &mut findings);
            keys_are_built_in_one_place(file, &lines, &keys, &mut findings);
            no_panics(file, &lines, &mut findings);
            one_clock(file, &lines, &mut findings);
        } else if file.path.ends_with(".lua") {
            size(file, &mut findings);
            scripts_name_no_key(file, &keys, &mut findings);
        }
    }
    findings
}

fn size(file: &File, findings: &mut Vec<Finding>) {
    let count = file.text.lines().count();
    if count > MAX_LINES && !file.path.starts_with(FROZEN) {
        let message = format!("{count} lines, {MAX_LINES} are allowed: split it by what its parts are for");
        findings.push(Finding::new(file, 0, message));
    }
}

fn function_size(file: &File, lines: &[Line], findings: &mut Vec<Finding>) {
    if file.path.starts_with(FROZEN) {
        return;
    }
    for function in functions(lines) {
        let count = function.last - function.first + 1;
        if count > MAX_FUNCTION_LINES {
            let message = format!(
                "`{}` has {count} lines, {MAX_FUNCTION_LINES} are allowed: split it by what its parts are for",
                function.name
            );
            findings.push(Finding::new(file, function.first, message));
        }
    }
}

fn module_docs(file: &File, findings: &mut Vec<Finding>) {
    let in_src = file.path.split('/').any(|part| part == "src");
    if in_src && !file.text.starts_with("//!") {
        let message =
            "does not begin with `//!`: say first what lives here and the one decision a reader would question";
        findings.push(Finding::new(file, 1, message));
    }
}

fn client_stays_in_its_folder(file: &File, lines: &[Line], findings: &mut Vec<Finding>) {
    if !file.path.starts_with("ltq-core/src/") || file.path.starts_with(LINK) {
        return;
    }
    for (number, line) in numbered(lines) {
        if line.code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "fred") {
            let message = format!("names `fred`: only {LINK} may, so that the client can be replaced; wrap it there");
            findings.push(Finding::new(file, number, message));
        }
    }
}

/// The words that stand in keys, such as `ready`, as the file that builds them writes them. Literals with spaces are
/// messages.
fn key_names(files: &[File]) -> BTreeSet<String> {
    let keys = files.iter().filter(|file| file.path == KEYS);
    let lines = keys.flat_map(|file| lines(&file.text)).filter(|line| !line.test);
    let literals = lines.flat_map(|line| line.literals).filter(|literal| !literal.contains(char::is_whitespace));
    let is_name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let names =
        |literal: String| literal.split(':').filter(|part| is_name(part)).map(str::to_owned).collect::<Vec<_>>();
    literals.flat_map(names).collect()
}

/// Each `:name` in a text.
fn names_after_colons(text: &str) -> Vec<String> {
    let parts = text.split(':').skip(1).map(|part| {
        let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(part.len());
        part[..end].to_owned()
    });
    parts.filter(|name| !name.is_empty()).collect()
}

fn keys_are_built_in_one_place(file: &File, lines: &[Line], keys: &BTreeSet<String>, findings: &mut Vec<Finding>) {
    if !file.path.starts_with(REDIS) || file.path == KEYS {
        return;
    }
    for (number, line) in numbered(lines).filter(|(_, line)| !line.test) {
        let names = line.literals.iter().flat_map(|literal| names_after_colons(literal));
        for name in names.filter(|name| keys.contains(name)) {
            let message =
                format!("`:{name}` looks like part of a key: build keys in keys.rs only, and call it from here");
            findings.push(Finding::new(file, number, message));
        }
    }
}

fn scripts_name_no_key(file: &File, keys: &BTreeSet<String>, findings: &mut Vec<Finding>) {
    let script = script(&file.text);
    for (line, arguments) in &script.calls {
        let Some(key) = arguments.get(1) else { continue };
        if key.contains("..") || key.starts_with(['\'', '"']) {
            let message = format!("the key `{key}` is made in the script: build it in keys.rs and pass it in KEYS");
            findings.push(Finding::new(file, *line, message));
        }
    }
    for (line, literal) in &script.literals {
        for name in names_after_colons(literal).into_iter().filter(|name| keys.contains(name)) {
            let message = format!("`:{name}` looks like part of a key: build it in keys.rs and pass it in KEYS");
            findings.push(Finding::new(file, *line, message));
        }
    }
}

fn no_panics(file: &File, lines: &[Line], findings: &mut Vec<Finding>) {
    if !is_library(&file.path) {
        return;
    }
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.test) {
        let proven = line.comment || index > 0 && lines[index - 1].comment;
        for panic in PANICS.iter().filter(|panic| line.code.contains(**panic) && !proven) {
            let message =
                format!("`{panic}` in library code: return an error, or prove in a comment above why it cannot happen");
            findings.push(Finding::new(file, index + 1, message));
        }
    }
}

fn one_clock(file: &File, lines: &[Line], findings: &mut Vec<Finding>) {
    if !is_library(&file.path) || CLOCKS.iter().any(|path| file.path.starts_with(path)) {
        return;
    }
    for (number, _) in numbered(lines).filter(|(_, line)| !line.test && line.code.contains("SystemTime::now")) {
        let message =
            "reads this machine's clock: leases, due times and ages are the broker's clock (`now_ms` of a turn)";
        findings.push(Finding::new(file, number, message));
    }
}

fn is_library(path: &str) -> bool {
    LIBRARIES.iter().any(|library| path.starts_with(library))
        && !path.ends_with("/tests.rs")
        && !path.contains("/tests/")
}

fn numbered(lines: &[Line]) -> impl Iterator<Item = (usize, &Line)> {
    lines.iter().enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> =
            files.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() }).collect();
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn assert_found(path: &str, text: &str, part: &str) {
        let keys = (KEYS, "//! Keys.\nfn a() { key(\"ready\"); format!(\"{ns}:queues\"); f(\"not a key\"); }");
        let found = found(&[keys, (path, text)]);
        assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
    }

    /// A function of so many lines.
    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    // Why.\n".repeat(lines - 2))
    }

    #[test]
    fn each_rule_finds_what_breaks_it() {
        let docs = "//! Docs.\n";
        assert_found("ltq-core/src/a.rs", "fn a() {}", "`//!`");
        assert_found("ltq-core/src/a.rs", &docs.repeat(421), "421 lines");
        assert_found("a.lua", &"local a\n".repeat(421), "421 lines");
        assert_found("tests/it/a.rs", &format!("\n{}", function(61)), "a.rs:2: `long` has 61 lines");
        assert_found("ltq-core/src/broker/redis/calls/a.rs", "//! Docs.\nuse fred::Client;", "a.rs:2: names `fred`");
        assert_found("ltq-core/src/broker/redis/a.rs", "//! Docs.\nf(\"{x}:ready\");", "`:ready`");
        assert_found("ltq-core/src/broker/redis/a.rs", "//! Docs.\nf(\"x:queues\");", "`:queues`");
        assert_found("ltq-core/src/a.rs", "//! Docs.\nf();\na.unwrap();", "a.rs:3");
        assert_found("ltq-core/src/a.rs", "//! Docs.\nSystemTime::now();", "clock");
        assert_found("a.lua", "redis.call('DEL', KEYS[1] .. ':x')", "made in the script");
        assert_found("a.lua", "local key = base .. ':ready'", "`:ready`");
    }

    #[test]
    fn what_the_rules_allow_is_not_found() {
        let fine = "//! Docs on fred.\n/// `fred`\nf(\"http://host:80/ready : ready\");\n\
                    // It is never empty.\na.unwrap();\n#[cfg(test)]\nmod tests { fn a() { b.unwrap() } }";
        assert_eq!(found(&[("ltq-core/src/broker/redis/link/a.rs", fine), ("ltq-core/src/a.rs", fine)]), [""; 0]);
        assert_eq!(found(&[("a.lua", "redis.call('TIME') redis.call('DEL', KEYS[1], 'a..b')")]), [""; 0]);
        let largest = ["//! Docs.\n".repeat(360), function(60)].concat();
        assert_eq!(found(&[("ltq-core/src/a.rs", &largest)]), [""; 0]);
        let (script, rust) = ("local a\n".repeat(421), function(421));
        assert_eq!(found(&[("tests/fixtures/v1/a.lua", &script), ("tests/fixtures/v1/a.rs", &rust)]), [""; 0]);
    }
}
