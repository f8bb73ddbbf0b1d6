//! Options as they are written between parentheses: `name`, `name = value`. Each place that takes options has a
//! [`Table`] of them; what is unknown, repeated or no option at all is an error of its own and left out.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Token};

use crate::errors::Errors;

/// What may stand in one place.
pub(crate) struct Table {
    /// What has these options.
    pub(crate) owner: &'static str,
    /// Each option: its name, and how it is written.
    pub(crate) options: &'static [(&'static str, &'static str)],
}

/// One option as it was written.
pub(crate) struct Given {
    pub(crate) name: Ident,
    pub(crate) value: Option<Expr>,
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

    /// Where it stands; it has no value. `otherwise` says what to do if it is not wanted.
    pub(crate) fn flag(&self, otherwise: &str) -> syn::Result<Span> {
        match &self.value {
            None => Ok(self.name.span()),
            Some(value) => Err(syn::Error::new_spanned(
                value,
                format!("the option `{0}` takes no value: write `{0}`, or {otherwise}", self.name),
            )),
        }
    }

    /// The error for a value of the wrong kind.
    pub(crate) fn expected(&self, what: &str) -> syn::Error {
        let message = format!("the option `{}` takes {what}: write `{}`", self.name, self.form);
        match &self.value {
            Some(value) => syn::Error::new_spanned(value, message),
            None => syn::Error::new(self.name.span(), message),
        }
    }
}

impl Table {
    /// Cuts the options in `args` apart.
    pub(crate) fn split(&self, args: TokenStream, errors: &mut Errors) -> Vec<Given> {
        let mut options: Vec<Given> = Vec::new();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                match self.one(input) {
                    Ok(option) if options.iter().any(|other| other.name == option.name) => {
                        let name = &option.name;
                        errors.at(name.span(), format!("the option `{name}` is given twice: remove one"));
                    }
                    Ok(option) => options.push(option),
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

    fn one(&self, input: ParseStream<'_>) -> syn::Result<Given> {
        if !input.peek(Ident::peek_any) {
            let form = self.options.first().map_or("", |(_, form)| form);
            return Err(input.error(format!("expected the name of an option, such as `{form}`")));
        }
        let name = Ident::parse_any(input)?;
        let form = self.form(&name)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() {
            if input.is_empty() || input.peek(Token![,]) {
                return Err(syn::Error::new(name.span(), format!("the value of `{name}` is missing: write `{form}`")));
            }
            Some(input.parse()?)
        } else if input.is_empty() || input.peek(Token![,]) {
            None
        } else {
            return Err(input.error(format!("the option `{name}` is not written like this: write `{form}`")));
        };
        Ok(Given { name, value, form })
    }

    /// How the option called `name` is written.
    fn form(&self, name: &Ident) -> syn::Result<&'static str> {
        let text = name.to_string();
        if let Some((_, form)) = self.options.iter().find(|(known, _)| *known == text) {
            return Ok(form);
        }
        let nearest = self
            .options
            .iter()
            .map(|(known, form)| (strsim::jaro_winkler(known, &text), form))
            .filter(|(likeness, _)| *likeness > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let help = match nearest {
            Some((_, form)) => format!("did you mean `{form}`?"),
            None => {
                let names: Vec<_> = self.options.iter().map(|(known, _)| format!("`{known}`")).collect();
                format!("the options are {}", names.join(", "))
            }
        };
        Err(syn::Error::new(name.span(), format!("{} has no option `{text}`: {help}", self.owner)))
    }
}
