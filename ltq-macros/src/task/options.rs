//! The options of `#[ltq::task(…)]`: one table of names, each with what it takes; unknown, repeated and wrong ones are
//! errors of their own.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Path, Token};

use crate::errors::Errors;
use crate::literal;

/// Every option: its name, and how it is written.
const TABLE: [(&str, &str); 9] = [
    ("name", "name = \"reports.monthly\""),
    ("queue", "queue = \"reports\""),
    ("max_attempts", "max_attempts = 5"),
    ("backoff", "backoff = \"1s..60s\""),
    ("timeout", "timeout = \"30s\""),
    ("rate", "rate = \"10/s\""),
    ("max_age", "max_age = \"1h\""),
    ("blocking", "blocking"),
    ("crate", "crate = \"path::to::ltq\""),
];

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
        for option in split(args, errors) {
            options.take(&option, errors);
        }
        options
    }

    fn take(&mut self, option: &Given, errors: &mut Errors) {
        match option.name.to_string().as_str() {
            "name" => self.name = errors.ok(option.text().and_then(literal::name)),
            "queue" => self.queue = errors.ok(option.text().and_then(literal::name)),
            "max_attempts" => self.max_attempts = errors.ok(option.attempts()),
            "backoff" => self.backoff = errors.ok(option.text().and_then(literal::backoff)),
            "timeout" => self.timeout = errors.ok(option.text().and_then(literal::duration)),
            "rate" => self.rate = errors.ok(option.text().and_then(literal::rate)),
            "max_age" => self.max_age = errors.ok(option.text().and_then(literal::duration)),
            "blocking" => self.blocking = errors.ok(option.flag()),
            _ => self.krate = errors.ok(option.text().and_then(LitStr::parse)),
        }
    }
}

/// One option as it was written.
pub(crate) struct Given {
    name: Ident,
    value: Option<Expr>,
    form: &'static str,
}

impl Given {
    /// Its value, a text.
    pub(crate) fn text(&self) -> syn::Result<&LitStr> {
        match &self.value {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(text),
            _ => Err(self.expected("a text in quotes")),
        }
    }

    fn attempts(&self) -> syn::Result<u32> {
        let Some(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) = &self.value else {
            return Err(self.expected("a number of at least 1"));
        };
        match number.base10_parse() {
            Ok(0) => Err(syn::Error::new(
                number.span(),
                "a task needs at least 1 attempt: `max_attempts = 1` means that it is never retried",
            )),
            Ok(attempts) if matches!(number.suffix(), "" | "u32") => Ok(attempts),
            _ => Err(syn::Error::new(number.span(), format!("`max_attempts` is a number from 1 to {}", u32::MAX))),
        }
    }

    fn flag(&self) -> syn::Result<Span> {
        match &self.value {
            None => Ok(self.name.span()),
            Some(value) => Err(syn::Error::new_spanned(
                value,
                "the option `blocking` takes no value: write `blocking`, or leave it out for an async task",
            )),
        }
    }

    /// The error for a value of the wrong kind.
    fn expected(&self, what: &str) -> syn::Error {
        let message = format!("the option `{}` takes {what}: write `{}`", self.name, self.form);
        match &self.value {
            Some(value) => syn::Error::new_spanned(value, message),
            None => syn::Error::new(self.name.span(), message),
        }
    }
}

/// Cuts the options apart; what is unknown, repeated or not an option at all is reported and left out.
fn split(args: TokenStream, errors: &mut Errors) -> Vec<Given> {
    let mut options: Vec<Given> = Vec::new();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            match one(input) {
                Ok((name, value)) => match known(&name) {
                    Err(error) => errors.push(error),
                    Ok(_) if options.iter().any(|other| other.name == name) => {
                        errors.at(name.span(), format!("the option `{name}` is given twice: remove one"));
                    }
                    Ok(form) => options.push(Given { name, value, form }),
                },
                Err(error) => errors.push(error),
            }
            // Whatever is left of a broken option.
            while !input.is_empty() && !input.peek(Token![,]) {
                input.parse::<proc_macro2::TokenTree>()?;
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(args) {
        errors.push(error);
    }
    options
}

fn one(input: ParseStream<'_>) -> syn::Result<(Ident, Option<Expr>)> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected an option such as `queue = \"reports\"`"));
    }
    let name = Ident::parse_any(input)?;
    if input.parse::<Option<Token![=]>>()?.is_some() {
        return Ok((name, Some(input.parse()?)));
    }
    if input.is_empty() || input.peek(Token![,]) {
        return Ok((name, None));
    }
    let form = known(&name)?;
    Err(input.error(format!("write `{form}`")))
}

/// How the option called `name` is written.
fn known(name: &Ident) -> syn::Result<&'static str> {
    let text = name.to_string();
    if let Some((_, form)) = TABLE.iter().find(|(known, _)| *known == text) {
        return Ok(form);
    }
    let nearest = TABLE
        .iter()
        .map(|(known, form)| (strsim::jaro_winkler(known, &text), form))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let help = match nearest {
        Some((_, form)) => format!("did you mean `{form}`?"),
        None => {
            let names: Vec<_> = TABLE.iter().map(|(known, _)| format!("`{known}`")).collect();
            format!("the options are {}", names.join(", "))
        }
    };
    Err(syn::Error::new(name.span(), format!("a task has no option `{text}`: {help}")))
}
