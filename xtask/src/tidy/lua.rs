//! Lua scripts as the rules see them: the calls of Redis commands and the texts.

/// What a script holds.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// The line of each `redis.call` or `redis.pcall`, and its arguments as they are written.
    pub(super) calls: Vec<(usize, Vec<String>)>,
    /// The line and the content of each text.
    pub(super) literals: Vec<(usize, String)>,
}

/// Takes a script apart.
pub(super) fn script(source: &str) -> Script {
    let mut script = Script::default();
    let mut code = String::new();
    for (index, line) in source.lines().enumerate() {
        take_line(line, index + 1, &mut code, &mut script.literals);
        code.push('\n');
    }
    for start in ["redis.call(", "redis.pcall("] {
        for (at, _) in code.match_indices(start) {
            let line = code[..at].matches('\n').count() + 1;
            script.calls.push((line, arguments(&code[at + start.len()..])));
        }
    }
    script
}

/// Adds a line to the code without its comment, and its texts to the literals.
fn take_line(line: &str, number: usize, code: &mut String, literals: &mut Vec<(usize, String)>) {
    let mut rest = line;
    while let Some(next) = rest.chars().next() {
        if rest.starts_with("--") {
            return;
        }
        let mut length = next.len_utf8();
        if next == '"' || next == '\'' {
            let end = rest[1..].find(next).map_or(rest.len(), |end| end + 2);
            literals.push((number, rest[1..end].trim_end_matches(next).to_owned()));
            length = end;
        }
        code.push_str(&rest[..length]);
        rest = &rest[length..];
    }
}

/// The arguments up to the bracket that closes the call.
fn arguments(code: &str) -> Vec<String> {
    let mut arguments = vec![String::new()];
    let mut depth = 0_usize;
    let mut quote = None;
    for character in code.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') if depth == 0 => break,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = arguments.last_mut() {
            last.push(character);
        }
    }
    arguments.iter().map(|argument| argument.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_texts_are_found() {
        let script = script(
            "-- redis.call('no')\nlocal a = redis.call('GET',\n  KEYS[1]) -- 'no'\nredis.pcall(\"SET\", f(1, 2) .. ':x', 'a, b')",
        );
        assert_eq!(script.calls.len(), 2);
        assert_eq!(script.calls[0], (2, vec!["'GET'".to_owned(), "KEYS[1]".to_owned()]));
        assert_eq!(script.calls[1].0, 4);
        assert_eq!(script.calls[1].1[1..], ["f(1, 2) .. ':x'", "'a, b'"]);
        let texts: Vec<_> = script.literals.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(texts, [(2, "GET"), (4, "SET"), (4, ":x"), (4, "a, b")]);
    }
}
