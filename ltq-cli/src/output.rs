//! Results: tables for people on terminals, JSON lines for everything else.
//!
//! Tables have no colours, so `NO_COLOR` has nothing to switch off here; clap heeds it for help and errors. What came out
//! of a queue is shown with its control characters escaped: a dead letter must not be able to write on the terminal.

use std::io::{self, IsTerminal, Write};

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::args::OutputFlags;

/// Longer texts are cut in a table; JSON has all of it.
const MAX_CELL_CHARS: usize = 80;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// One object per line.
    Json,
}

impl Output {
    /// JSON where it is asked for or nobody looks at it.
    pub(crate) fn choose(flags: &OutputFlags) -> Self {
        if flags.json || !io::stdout().is_terminal() { Self::Json } else { Self::Table }
    }

    /// Prints a list: a line per item, below `header` in a table, `none` where there is no item.
    pub(crate) fn list<T: Serialize>(
        self,
        items: &[T],
        none: &str,
        header: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> io::Result<()> {
        match self {
            Self::Json => items.iter().try_for_each(print_json),
            Self::Table if items.is_empty() => print(none),
            Self::Table => print(&table(header, items.iter().map(row))),
        }
    }

    /// Prints one thing: a line per field in a table.
    pub(crate) fn fields<T: Serialize>(
        self,
        item: &T,
        fields: impl FnOnce() -> Vec<(&'static str, String)>,
    ) -> io::Result<()> {
        match self {
            Self::Json => print_json(item),
            Self::Table => print(&lines(fields())),
        }
    }

    /// Prints what was done as a sentence.
    pub(crate) fn sentence<T: Serialize>(self, item: &T, sentence: impl FnOnce() -> String) -> io::Result<()> {
        match self {
            Self::Json => print_json(item),
            Self::Table => print(&escaped(&sentence())),
        }
    }
}

/// `1 message`, `2 messages`
pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Prints to standard output. A reader that has seen enough, like `head`, is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn print_json<T: Serialize>(item: &T) -> io::Result<()> {
    print(&serde_json::to_string(item)?)
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| short(&escaped(cell))));
    }
    trimmed(&table.to_string())
}

/// One line per field; texts are whole.
fn lines(fields: Vec<(&'static str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in fields {
        table.add_row([name, &escaped(&value)]);
    }
    trimmed(&table.to_string())
}

/// Without the padding at both ends of the lines.
fn trimmed(table: &str) -> String {
    table.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect::<Vec<_>>().join("\n")
}

fn escaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() { clean.extend(char.escape_default()) } else { clean.push(char) }
    }
    clean
}

fn short(text: &str) -> String {
    if text.chars().count() <= MAX_CELL_CHARS {
        return text.to_owned();
    }
    text.chars().take(MAX_CELL_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_has_no_frame() {
        let rows = [vec!["github".to_owned(), "12".to_owned()], vec!["a".to_owned(), "3".to_owned()]];
        assert_eq!(table(&["QUEUE", "READY"], rows.into_iter()), "QUEUE   READY\ngithub  12\na       3");
    }

    #[test]
    fn a_cell_cannot_write_on_the_terminal() {
        let rows = [vec!["\u{1b}[31mred\nnext".to_owned(), "x".repeat(100)]];
        let text = table(&["A", "B"], rows.into_iter());
        assert!(!text.contains('\u{1b}') && text.lines().count() == 2, "{text}");
        assert!(text.contains("\\u{1b}[31mred\\nnext") && text.ends_with("x…"), "{text}");
    }

    #[test]
    fn fields_are_whole() {
        let text = lines(vec![("error", "x".repeat(100)), ("id", "7".to_owned())]);
        assert_eq!(text, format!("error  {}\nid     7", "x".repeat(100)));
    }
}
