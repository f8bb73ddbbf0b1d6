//! Rust source as the rules see it: per line the code, the string literals, and whether there is a comment.
//!
//! Not a parser. It knows just enough to tell code from comments and texts, and tests from the rest, and it must not be
//! fooled by one inside the other.

/// One line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The code, without comments; literals are reduced to `""`.
    pub(super) code: String,
    /// What stands in the string literals that begin on this line.
    pub(super) literals: Vec<String>,
    /// Whether a comment begins on this line or goes on.
    pub(super) comment: bool,
    /// Whether the line belongs to a `#[cfg(test)]` item.
    pub(super) test: bool,
}

/// Takes a source apart. The first element is line 1.
pub(super) fn lines(source: &str) -> Vec<Line> {
    let mut scanner = Scanner { rest: source, lines: vec![Line::default()] };
    scanner.scan();
    let mut lines = scanner.lines;
    mark_tests(&mut lines);
    lines
}

struct Scanner<'a> {
    rest: &'a str,
    lines: Vec<Line>,
}

impl Scanner<'_> {
    fn scan(&mut self) {
        // Whether the character before belongs to a name, so that the `r` of `for"` does not begin a raw string.
        let mut in_name = false;
        while let Some(next) = self.rest.chars().next() {
            if self.rest.starts_with("//") {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.line().comment = true;
                self.rest = &self.rest[end..];
            } else if self.rest.starts_with("/*") {
                self.block_comment();
            } else if let Some((start, end)) = (!in_name).then(|| string_start(self.rest)).flatten() {
                self.string(start, &end);
            } else if next == '\'' {
                self.quote();
            } else {
                self.advance();
            }
            in_name = next.is_alphanumeric() || next == '_';
        }
    }

    fn line(&mut self) -> &mut Line {
        if self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        let last = self.lines.len() - 1;
        &mut self.lines[last]
    }

    /// Takes one character of code.
    fn advance(&mut self) {
        let Some(next) = self.rest.chars().next() else { return };
        self.rest = &self.rest[next.len_utf8()..];
        if next == '\n' {
            self.lines.push(Line::default());
        } else {
            self.line().code.push(next);
        }
    }

    /// Passes over text that is not code.
    fn pass(&mut self, text_end: usize, comment: bool) {
        let text = &self.rest[..text_end];
        self.rest = &self.rest[text_end..];
        self.line().comment |= comment;
        for _ in text.matches('\n') {
            self.lines.push(Line { comment, ..Line::default() });
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        let mut at = 0;
        while at < self.rest.len() {
            if self.rest[at..].starts_with("/*") {
                depth += 1;
                at += 2;
            } else if self.rest[at..].starts_with("*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            } else {
                at += self.rest[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
        self.pass(at, true);
    }

    /// A string whose text begins at `start` and ends before `end`; only `"` can be escaped.
    fn string(&mut self, start: usize, end: &str) {
        let mut at = start;
        while at < self.rest.len() && !self.rest[at..].starts_with(end) {
            let escaped = end == "\"" && self.rest[at..].starts_with('\\');
            for _ in 0..=usize::from(escaped) {
                at += self.rest[at..].chars().next().map_or(0, char::len_utf8);
            }
        }
        let text = self.rest[start..at].to_owned();
        let line = self.line();
        line.code.push_str("\"\"");
        line.literals.push(text);
        self.pass((at + end.len()).min(self.rest.len()), false);
    }

    /// A character literal is passed over; a lifetime is code.
    fn quote(&mut self) {
        let mut chars = self.rest.char_indices().skip(1);
        let first = chars.next();
        let second = chars.next();
        let end = match (first, second) {
            (Some((_, '\\')), Some((at, escaped))) => {
                let after = at + escaped.len_utf8();
                self.rest[after..].find('\'').map(|found| after + found + 1)
            }
            (_, Some((at, '\''))) => Some(at + 1),
            _ => None,
        };
        match end {
            Some(end) => self.pass(end, false),
            None => self.advance(),
        }
    }
}

/// Whether a string literal begins here: where its text begins and what ends it.
fn string_start(rest: &str) -> Option<(usize, String)> {
    let after_byte = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    let prefix = rest.len() - after_byte.len();
    if after_byte.starts_with('"') {
        return Some((prefix + 1, "\"".to_owned()));
    }
    let after_raw = after_byte.strip_prefix('r')?;
    let hashes = after_raw.len() - after_raw.trim_start_matches('#').len();
    after_raw[hashes..].starts_with('"').then(|| (prefix + 1 + hashes + 1, format!("\"{}", "#".repeat(hashes))))
}

/// Marks each `#[cfg(test)]` item: up to the brace that closes it, or the semicolon that ends it.
fn mark_tests(lines: &mut [Line]) {
    let mut open: Option<usize> = None;
    for line in lines {
        if open.is_none() && line.code.contains("#[cfg(test)]") {
            open = Some(0);
        }
        let Some(mut depth) = open else { continue };
        line.test = true;
        for character in line.code.chars() {
            match character {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => continue,
            }
            if depth == 0 {
                open = None;
            }
        }
        if depth == 0 && line.code.trim_end().ends_with(';') {
            open = None;
        }
        open = open.map(|_| depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(source: &str) -> Vec<String> {
        lines(source).into_iter().map(|line| line.code).collect()
    }

    #[test]
    fn comments_and_texts_are_not_code() {
        assert_eq!(codes("a(\"// no\"); // yes\nb /* c\n d */ e"), ["a(\"\"); ", "b ", " e"]);
        let line = &lines(r##"x(r#"a "quoted" one"#, b"two\"", '"', '\'', 'a)"##)[0];
        assert_eq!(line.literals, ["a \"quoted\" one", "two\\\""]);
        assert_eq!(line.code, "x(\"\", \"\", , , 'a)");
        assert!(!line.comment);
    }

    #[test]
    fn texts_over_several_lines_keep_the_count() {
        let found = lines("a(\"one\ntwo\");\nb");
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].literals, ["one\ntwo"]);
        assert_eq!(found[2].code, "b");
    }

    #[test]
    fn tests_are_marked_up_to_their_end() {
        let source = "a();\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nc();\n#[cfg(test)]\nuse d;\ne();";
        let marked: Vec<_> = lines(source).iter().map(|line| line.test).collect();
        assert_eq!(marked, [false, true, true, true, true, false, true, true, false]);
    }
}
