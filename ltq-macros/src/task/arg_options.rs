//! The attributes of an argument: `#[ltq(default)]`, `#[ltq(rename = "…")]`, `#[ltq(skip_log)]`. Serde's own are refused
//! there, so that there is one way to say a thing, and one that also reaches the description of the task.

use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitStr, Meta};

use crate::errors::Errors;
use crate::given::{Given, Table};

const TABLE: Table = Table {
    owner: "an argument",
    options: &[("default", "default"), ("rename", "rename = \"new_name\""), ("skip_log", "skip_log")],
};

/// What the attributes of one argument say.
#[derive(Default)]
pub(super) struct ArgOptions {
    /// What the argument is when a message lacks it.
    pub(super) default: Option<ArgDefault>,
    /// Its key on the wire.
    pub(super) rename: Option<LitStr>,
    pub(super) skip_log: bool,
    /// The first of ltq's attributes.
    pub(super) first: Option<Attribute>,
}

/// What stands in for a missing argument.
pub(super) enum ArgDefault {
    /// `Default` of its type.
    OfType,
    /// What this function returns.
    Function(ExprPath),
}

impl ArgOptions {
    /// Reads the attributes of an argument; those that are not about tasks are the function's.
    pub(super) fn parse(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let mut names = Vec::new();
        for attr in attrs {
            if attr.path().is_ident("serde") {
                errors.spanned(attr, serde_help(attr));
            } else if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
                errors.spanned(attr, "an argument of a task cannot depend on `cfg`, because senders and workers must agree on it: put the `cfg` on the task");
            } else if is_ltq(attr) {
                options.first.get_or_insert_with(|| attr.clone());
                let Meta::List(list) = &attr.meta else {
                    errors.spanned(attr, "an attribute of an argument names an option: write `#[ltq(default)]`, `#[ltq(rename = \"…\")]` or `#[ltq(skip_log)]`");
                    continue;
                };
                for option in TABLE.split(list.tokens.clone(), errors) {
                    let name = option.name.to_string();
                    if names.contains(&name) {
                        errors.at(option.name.span(), format!("the option `{name}` is given twice: remove one"));
                    } else {
                        options.take(&option, errors);
                        names.push(name);
                    }
                }
            }
        }
        options
    }

    fn take(&mut self, option: &Given, errors: &mut Errors) {
        match option.name.to_string().as_str() {
            "default" => self.default = errors.ok(default(option)),
            "rename" => self.rename = errors.ok(rename(option)),
            _ => self.skip_log = errors.ok(option.flag("leave it out to show the argument")).is_some(),
        }
    }
}

/// Whether it is an attribute that this module reads, and not one of the function's parameter.
pub(super) fn is_ours(attr: &Attribute) -> bool {
    is_ltq(attr) || attr.path().is_ident("serde")
}

/// `#[ltq(…)]`.
pub(super) fn is_ltq(attr: &Attribute) -> bool {
    attr.path().is_ident("ltq")
}

fn default(option: &Given) -> syn::Result<ArgDefault> {
    match &option.value {
        None => Ok(ArgDefault::OfType),
        Some(Expr::Path(path)) => Ok(ArgDefault::Function(path.clone())),
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) if text.parse::<ExprPath>().is_ok() => {
            let path = text.value();
            Err(syn::Error::new(text.span(), format!("the path of a function has no quotes: write `default = {path}`")))
        }
        Some(value) => Err(syn::Error::new_spanned(
            value,
            "a default is made by a function without arguments: write `default = path::to::function`, or `default` for that of the type",
        )),
    }
}

fn rename(option: &Given) -> syn::Result<LitStr> {
    let text = option.text()?;
    if text.value().is_empty() {
        return Err(syn::Error::new(
            text.span(),
            "the name of an argument must not be empty: write the key that messages have, such as `rename = \"user_id\"`",
        ));
    }
    Ok(text.clone())
}

/// What to write instead of an attribute of serde.
fn serde_help(attr: &Attribute) -> &'static str {
    let text = attr.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
    if text.starts_with("default") {
        "an argument of a task has attributes of its own: write `#[ltq(default)]` or `#[ltq(default = path::to::function)]`"
    } else if text.starts_with("rename") {
        "an argument of a task has attributes of its own: write `#[ltq(rename = \"…\")]`"
    } else {
        "serde's attributes belong to types: give the argument a type of your own and put the attribute there"
    }
}
