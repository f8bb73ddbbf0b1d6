//! Where the functions of a Rust source begin and end.
//!
//! Braces are counted, in code without comments and literals, so `fn` within a text is no function. What does not count
//! right is a signature with a block outside of brackets, such as `-> Array<{ N + 1 }>`: the block is taken for the body.

use super::rust::Line;

/// A function that has a body. A function within another is part of that one, and one of its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    /// The line of its `fn`, from 1.
    pub(super) first: usize,
    /// The line of the brace that closes it.
    pub(super) last: usize,
}

/// The functions, in the order in which they end.
pub(super) fn functions(lines: &[Line]) -> Vec<Function> {
    let mut finder = Finder::default();
    for (index, line) in lines.iter().enumerate() {
        for token in tokens(&line.code) {
            finder.take(token, index + 1);
        }
    }
    finder.found
}

#[derive(Default)]
struct Finder {
    found: Vec<Function>,
    /// The line of the `fn` that was the last token.
    keyword: Option<usize>,
    signature: Option<Signature>,
    bodies: Vec<Body>,
    /// How many braces are open.
    braces: usize,
}

/// A function whose body has not begun.
struct Signature {
    name: String,
    first: usize,
    /// How many parentheses and square brackets are open.
    brackets: usize,
}

/// A function whose body has begun.
struct Body {
    name: String,
    first: usize,
    /// How many braces are open in it, its own included.
    braces: usize,
}

impl Finder {
    fn take(&mut self, token: &str, line: usize) {
        // What follows the `fn` of a type is a parenthesis.
        if let Some(first) = self.keyword.take()
            && token.starts_with(is_in_name)
        {
            self.signature = Some(Signature { name: token.to_owned(), first, brackets: 0 });
            return;
        }
        match token {
            "fn" => self.keyword = Some(line),
            "(" | "[" => {
                if let Some(signature) = &mut self.signature {
                    signature.brackets += 1;
                }
            }
            ")" | "]" => {
                // One that closes what the signature did not open: it was the pattern of a macro.
                self.signature = self.signature.take().and_then(|signature| {
                    let brackets = signature.brackets.checked_sub(1)?;
                    Some(Signature { brackets, ..signature })
                });
            }
            // Without a body.
            ";" => drop(self.whole_signature()),
            "{" => {
                self.braces += 1;
                if let Some(Signature { name, first, .. }) = self.whole_signature() {
                    self.bodies.push(Body { name, first, braces: self.braces });
                }
            }
            "}" => {
                if let Some(Body { name, first, .. }) = self.bodies.pop_if(|body| body.braces == self.braces) {
                    self.found.push(Function { name, first, last: line });
                }
                self.braces = self.braces.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// Takes the signature, unless some bracket of it is open.
    fn whole_signature(&mut self) -> Option<Signature> {
        self.signature.take_if(|signature| signature.brackets == 0)
    }
}

/// The names, numbers and other characters of a line of code. A name may be the variable of a macro, such as `$name`.
fn tokens(code: &str) -> impl Iterator<Item = &str> {
    let mut rest = code;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end =
            if is_in_name(first) { rest.find(|c| !is_in_name(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(token)
    })
}

fn is_in_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::rust::lines;

    fn found(source: &str) -> Vec<(String, usize, usize)> {
        functions(&lines(source)).into_iter().map(|found| (found.name, found.first, found.last)).collect()
    }

    #[test]
    fn a_function_reaches_from_its_keyword_to_its_last_brace() {
        let source =
            "/// Docs.\n#[inline]\npub async fn a(\n    b: u8,\n) {\n    // }\n    if b { c(); }\n\n}\nfn d() {}";
        assert_eq!(found(source), [("a".to_owned(), 3, 9), ("d".to_owned(), 10, 10)]);
    }

    #[test]
    fn functions_within_others_and_in_macros_are_found() {
        let source = "fn a() {\n    fn b() {\n    }\n}\nmacro_rules! m {\n    ($v:vis fn $n:ident) => {\n        \
                      fn $n() {\n        }\n    };\n}";
        assert_eq!(found(source), [("b".to_owned(), 2, 3), ("a".to_owned(), 1, 4), ("$n".to_owned(), 7, 8)]);
    }

    #[test]
    fn types_texts_and_declarations_are_no_functions() {
        let source = "trait T {\n    fn a(b: [u8; 4]) -> [u8; { 4 }];\n}\nconst C: fn(u8) = d;\nconst S: &str = \"fn e() {\";\n\
                      struct F {\n    g: fn(),\n}";
        assert_eq!(found(source), []);
    }

    #[test]
    fn brackets_of_a_signature_do_not_end_it() {
        let source = "fn a(f: fn(u8) -> u8, b: [u8; 4]) -> [u8; { 2 + 2 }]\nwhere\n    T: Fn(u8),\n{\n}";
        assert_eq!(found(source), [("a".to_owned(), 1, 5)]);
    }
}
