//! The options of `#[ltq::task(…)]`: one table of names, and what each of them takes.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::{Expr, ExprLit, Lit, LitStr, Path};

use crate::errors::Errors;
use crate::given::{Given, Table};
use crate::literal;

/// Every option: its name, and how it is written.
const TABLE: Table = Table {
    owner: "a task",
    options: &[
        ("queue", "queue = \"reports\""),
        ("name", "name = \"reports.monthly\""),
        ("max_attempts", "max_attempts = 5"),
        ("backoff", "backoff = \"1s..60s\""),
        ("timeout", "timeout = \"30s\""),
        ("rate", "rate = \"10/s\""),
        ("max_age", "max_age = \"1h\""),
        ("blocking", "blocking"),
        ("crate", "crate = \"path::to::ltq\""),
    ],
};

/// The options as given; one that was wrong is as if it were not there.
#[derive(Default)]
pub(super) struct Options {
    pub(super) name: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) max_attempts: Option<u32>,
    pub(super) backoff: Option<(Duration, Duration)>,
    pub(super) timeout: Option<Duration>,
    pub(super) rate: Option<(u32, Duration)>,
    pub(super) max_age: Option<Duration>,
    /// Where `blocking` stands, if it does.
    pub(super) blocking: Option<Span>,
    pub(super) krate: Option<Path>,
}

impl Options {
    /// Reads the tokens between the parentheses.
    pub(super) fn parse(args: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for option in TABLE.split(args, errors) {
            options.take(&option, errors);
        }
        options
    }

    fn take(&mut self, option: &Given, errors: &mut Errors) {
        match option.name.to_string().as_str() {
            "name" => self.name = errors.ok(option.text().and_then(|text| literal::name(text, "task"))),
            "queue" => self.queue = errors.ok(option.text().and_then(|text| literal::name(text, "queue"))),
            "max_attempts" => self.max_attempts = errors.ok(attempts(option)),
            "backoff" => self.backoff = errors.ok(option.text().and_then(literal::backoff)),
            "timeout" => self.timeout = errors.ok(option.text().and_then(literal::duration)),
            "rate" => self.rate = errors.ok(option.text().and_then(literal::rate)),
            "max_age" => self.max_age = errors.ok(option.text().and_then(literal::duration)),
            "blocking" => self.blocking = errors.ok(option.flag("leave it out for an async task")),
            _ => self.krate = errors.ok(option.text().and_then(krate)),
        }
    }
}

fn attempts(option: &Given) -> syn::Result<u32> {
    let Some(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) = &option.value else {
        return Err(option.expected("a number of at least 1"));
    };
    match number.base10_parse() {
        Ok(0) => Err(syn::Error::new(
            number.span(),
            "a task needs at least 1 attempt: write `max_attempts = 1` for a task that is never retried",
        )),
        Ok(attempts) if matches!(number.suffix(), "" | "u32") => Ok(attempts),
        _ => Err(syn::Error::new(
            number.span(),
            format!("`max_attempts` is a number from 1 to {}: write `max_attempts = 5`", u32::MAX),
        )),
    }
}

fn krate(text: &LitStr) -> syn::Result<Path> {
    text.parse().map_err(|_| {
        let message = format!(
            "`{}` is not a path: write the path of ltq in this crate, such as `crate = \"::queue\"`",
            text.value()
        );
        syn::Error::new(text.span(), message)
    })
}
