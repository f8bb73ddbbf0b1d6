//! The function as a model: what is payload, what is injected, how it is called. All checks of the signature stand
//! here, each one with one message at the narrowest span that says what to write instead.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{Parse as _, ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, Item, Pat, PatType, PathArguments, ReturnType, Signature, Type,
    Visibility,
};

use super::arg_options::{ArgOptions, is_ltq};
use super::options::Options;
use crate::errors::Errors;

/// A function with its body unread: a body that does not parse is the compiler's to report.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenStream,
}

impl Function {
    /// Reads an item; an error says that `attribute` does not fit on it.
    pub(crate) fn parse(item: TokenStream, attribute: &str) -> syn::Result<Self> {
        let parser = |input: ParseStream<'_>| {
            Ok(Self {
                attrs: Attribute::parse_outer(input)?,
                vis: input.parse()?,
                sig: Signature::parse(input)?,
                body: input.parse()?,
            })
        };
        match parser.parse2(item.clone()) {
            Ok(function) if is_block(&function.body) => Ok(function),
            Ok(function) => Err(syn::Error::new_spanned(
                &function.sig,
                format!(
                    "`#[ltq::{attribute}]` needs a function with a body: move it out of the trait, to `{}`",
                    example(attribute)
                ),
            )),
            Err(error) => match Item::parse.parse2(item) {
                Ok(Item::Fn(_)) | Err(_) => Err(error),
                Ok(other) => Err(syn::Error::new(
                    head(&other),
                    format!("`#[ltq::{attribute}]` goes on a function: `{}`", example(attribute)),
                )),
            },
        }
    }
}

fn example(attribute: &str) -> &'static str {
    if attribute == "worker" { "pub fn worker() -> Worker { … }" } else { "pub async fn my_task(id: u64) { … }" }
}

fn is_block(body: &TokenStream) -> bool {
    matches!(body.clone().into_iter().next(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace)
}

/// Where an item that is no function begins, behind its attributes.
fn head(item: &Item) -> Span {
    match item {
        Item::Struct(item) => item.struct_token.span,
        Item::Enum(item) => item.enum_token.span,
        Item::Mod(item) => item.mod_token.span,
        Item::Trait(item) => item.trait_token.span,
        Item::Impl(item) => item.impl_token.span,
        Item::Const(item) => item.const_token.span,
        Item::Static(item) => item.static_token.span,
        Item::Type(item) => item.type_token.span,
        other => other.span(),
    }
}

/// A function that can be a task.
pub(super) struct Model<'a> {
    pub(super) function: &'a Function,
    pub(super) args: Vec<Arg<'a>>,
    pub(super) blocking: bool,
}

/// One argument.
pub(super) struct Arg<'a> {
    pub(super) ident: &'a Ident,
    pub(super) ty: &'a Type,
    pub(super) options: ArgOptions,
    pub(super) kind: ArgKind<'a>,
}

/// Where an argument comes from.
#[derive(Clone, Copy)]
pub(super) enum ArgKind<'a> {
    /// Injected: the worker's value of this type.
    State(&'a Type),
    /// Injected: the message's context.
    Context,
    /// Payload, a `&str` in the function and a `String` everywhere else.
    Str,
    /// Payload, a `String`, which callers may give as a literal.
    String,
    /// Payload.
    Value,
}

impl Arg<'_> {
    /// Whether it travels in the message.
    pub(super) fn is_payload(&self) -> bool {
        !matches!(self.kind, ArgKind::State(_) | ArgKind::Context)
    }

    /// Its key on the wire.
    pub(super) fn wire_name(&self) -> String {
        self.options.rename.as_ref().map_or_else(|| self.ident.unraw().to_string(), syn::LitStr::value)
    }
}

impl<'a> Model<'a> {
    /// Checks a function; without a result there is at least one error.
    pub(super) fn check(function: &'a Function, options: &Options, errors: &mut Errors) -> Option<Self> {
        let before = errors.count();
        let sig = &function.sig;
        check_attributes(function, errors);
        check_qualifiers(sig, options, errors);
        check_generics(sig, errors);
        check_output(sig, errors);
        let mut args: Vec<Arg<'a>> = Vec::new();
        for input in &sig.inputs {
            match input {
                FnArg::Receiver(receiver) => errors.spanned(
                    receiver,
                    "a task is a free function and has no `self`: take what it needs as arguments, shared values as `State<T>`",
                ),
                FnArg::Typed(typed) => {
                    if let Some(arg) = check_arg(typed, sig, errors) {
                        check_wire_name(&arg, &args, errors);
                        if matches!(arg.kind, ArgKind::Context)
                            && args.iter().any(|other| matches!(other.kind, ArgKind::Context))
                        {
                            errors.spanned(typed, "a task has one context: remove this second `Context` argument");
                        }
                        args.push(arg);
                    }
                }
            }
        }
        let blocking = options.blocking.is_some();
        (errors.count() == before).then_some(Self { function, args, blocking })
    }
}

fn check_attributes(function: &Function, errors: &mut Errors) {
    for attr in function.attrs.iter().filter(|attr| is_ltq(attr)) {
        errors.spanned(attr, "the options of a task stand in its attribute: write `#[ltq::task(…)]`; `#[ltq(…)]` goes before an argument");
    }
}

fn check_qualifiers(sig: &Signature, options: &Options, errors: &mut Errors) {
    match (&sig.asyncness, options.blocking) {
        (Some(asyncness), Some(_)) => errors.at(
            asyncness.span,
            "`blocking` is for plain functions: remove `async` here, or remove `blocking` from the attribute",
        ),
        (None, None) if sig.constness.is_none() => errors.at(
            sig.fn_token.span,
            "a task is an `async fn`: write `async fn`, or `#[ltq::task(blocking)]` to run a plain function on the blocking pool",
        ),
        _ => {}
    }
    if let Some(constness) = &sig.constness {
        errors.at(constness.span, "a task runs in a worker, never at compile time: remove `const`");
    }
    if let syn::Safety::Unsafe(token) = &sig.safety {
        errors.at(
            token.span,
            "a task is called by the worker, which cannot keep the promises of an `unsafe fn`: remove `unsafe` and put the block into the body",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.spanned(abi, "a task is called from Rust: remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        errors.spanned(variadic, "a task has a fixed number of arguments: take a `Vec<T>` instead of `...`");
    }
}

fn check_generics(sig: &Signature, errors: &mut Errors) {
    for param in &sig.generics.params {
        match param {
            GenericParam::Lifetime(lifetime) => errors.spanned(
                lifetime,
                "a task owns its arguments, so it has no lifetime parameters: take `String`, `Vec<T>` or `&str` without a lifetime",
            ),
            other => errors.spanned(
                other,
                "a task cannot be generic: a message names one function, so write one task for each type, each calling a generic function",
            ),
        }
    }
    if let (Some(clause), true) = (&sig.generics.where_clause, sig.generics.params.is_empty()) {
        errors.spanned(clause, "a task is not generic, so it has no `where` clause: remove it");
    }
}

fn check_output(sig: &Signature, errors: &mut Errors) {
    let ReturnType::Type(_, ty) = &sig.output else { return };
    if let Type::Never(never) = ty.as_ref() {
        errors.spanned(never, "a task ends: return `()`, a value or a `TaskResult`");
    } else if let Some(token) = find(ty.to_token_stream(), &|token, _| is_ident(token, "impl")) {
        errors.at(token.span(), "a task returns a type with a name: write the type instead of `impl`, or box it");
    } else if let Some(token) = find(ty.to_token_stream(), &|token, next| is_borrow(token, next, true, sig)) {
        errors.at(
            token.span(),
            "a task owns what it returns, since its arguments are gone by then: return `String`, `Vec<T>` or `'static`",
        );
    }
}

fn check_arg<'a>(typed: &'a PatType, sig: &Signature, errors: &mut Errors) -> Option<Arg<'a>> {
    let ident = check_pattern(typed, &sig.ident, errors);
    let options = ArgOptions::parse(&typed.attrs, errors);
    let kind = check_type(&typed.ty, sig, errors)?;
    if let (ArgKind::State(_) | ArgKind::Context, Some(attr)) = (kind, &options.first) {
        errors.spanned(attr, "this argument is injected and never travels in a message: remove the attribute");
    }
    Some(Arg { ident: ident?, ty: &typed.ty, options, kind })
}

/// Two arguments must not travel under one name.
fn check_wire_name(arg: &Arg<'_>, others: &[Arg<'_>], errors: &mut Errors) {
    if !arg.is_payload() {
        return;
    }
    let name = arg.wire_name();
    let Some(other) = others.iter().find(|other| other.is_payload() && other.wire_name() == name) else { return };
    if let Some(rename) = arg.options.rename.as_ref().or(other.options.rename.as_ref()) {
        errors.at(rename.span(), format!("two arguments travel under the name `{name}`: choose another one here"));
    } else {
        errors.at(arg.ident.span(), format!("two arguments are called `{name}`: rename this one"));
    }
}

fn check_pattern<'a>(typed: &'a PatType, task: &Ident, errors: &mut Errors) -> Option<&'a Ident> {
    match typed.pat.as_ref() {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
            if pat.ident == *task {
                errors.at(
                    pat.ident.span(),
                    format!("an argument cannot be called `{task}` like its task: rename the argument"),
                );
            }
            return Some(&pat.ident);
        }
        Pat::Wild(wild) => errors.spanned(
            wild,
            "an argument needs a name, which is its key in the message: write a name that begins with `_` if it is unused",
        ),
        other => errors.spanned(
            other,
            "an argument needs a plain name, which is its key in the message: take it as `name: Type` and destructure it in the body",
        ),
    }
    None
}

fn check_type<'a>(ty: &'a Type, sig: &Signature, errors: &mut Errors) -> Option<ArgKind<'a>> {
    let bare = unwrapped(ty);
    if let Type::Reference(reference) = bare {
        let inner = unwrapped(&reference.elem);
        return match last_segment(inner) {
            Some((name, _)) if name == "State" || name == "Context" => {
                errors.spanned(ty, format!("`{name}` is cheap to clone and is injected by value: remove the `&`"));
                None
            }
            Some((name, PathArguments::None)) if name == "str" && reference.mutability.is_none() => {
                if let Some(lifetime) = &reference.lifetime {
                    if !is_declared(&lifetime.ident, sig) {
                        errors.spanned(
                            lifetime,
                            "the text lives in the message: write `&str` without a lifetime, or `String`",
                        );
                    }
                    return None;
                }
                Some(ArgKind::Str)
            }
            _ => {
                errors.spanned(ty, "a task owns its arguments: take the value without `&` (`Vec<T>` for a slice); only `&str` may be borrowed");
                None
            }
        };
    }
    let injected = match last_segment(bare) {
        Some((name, arguments)) if name == "State" => {
            let Some(value) = single_type(arguments) else {
                errors.spanned(ty, "which value of the worker? Write its type: `State<MyType>`");
                return None;
            };
            Some(ArgKind::State(value))
        }
        Some((name, _)) if name == "Context" => Some(ArgKind::Context),
        _ => None,
    };
    check_owned(ty, injected.is_some(), sig, errors)?;
    Some(injected.unwrap_or(if is_string(bare) { ArgKind::String } else { ArgKind::Value }))
}

/// No `impl`, no `_`, nothing borrowed anywhere inside the type.
fn check_owned(ty: &Type, injected: bool, sig: &Signature, errors: &mut Errors) -> Option<()> {
    let tokens = ty.to_token_stream();
    let before = errors.count();
    if let Some(token) = find(tokens.clone(), &|token, _| is_ident(token, "impl")) {
        errors.at(token.span(), "an argument of a task has one type: write the type instead of `impl`");
    } else if let Some(token) = find(tokens.clone(), &|token, next| is_borrow(token, next, injected, sig)) {
        errors.at(
            token.span(),
            "a task owns its arguments, so nothing in their types is borrowed: use `String`, `Vec<T>` or `'static`",
        );
    } else if let Some(token) = find(tokens, &|token, _| is_ident(token, "_")) {
        errors.at(token.span(), "an argument of a task needs its whole type: write it instead of `_`");
    }
    (errors.count() == before).then_some(())
}

/// `&`, or a lifetime that is not `'static`. A type that is injected or returned may hold `&'static`. A lifetime of the function's own is
/// already reported where it is declared.
fn is_borrow(token: &TokenTree, next: [Option<&TokenTree>; 2], may_be_static: bool, sig: &Signature) -> bool {
    let TokenTree::Punct(punct) = token else { return false };
    let is_static = |token: Option<&TokenTree>| token.is_some_and(|token| is_ident(token, "static"));
    let is_own = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Ident(ident)) if is_declared(ident, sig));
    match punct.as_char() {
        '\'' => !is_static(next[0]) && !is_own(next[0]),
        '&' => !(may_be_static && is_static(next[1]) || is_own(next[1])),
        _ => false,
    }
}

/// Whether the function declares a lifetime of this name.
fn is_declared(lifetime: &Ident, sig: &Signature) -> bool {
    sig.generics.lifetimes().any(|param| param.lifetime.ident == *lifetime)
}

fn is_ident(token: &TokenTree, text: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == text)
}

/// The first token that `matches`, which also sees the two that follow; groups are searched too.
fn find(tokens: TokenStream, matches: &dyn Fn(&TokenTree, [Option<&TokenTree>; 2]) -> bool) -> Option<TokenTree> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        if matches(token, [tokens.get(index + 1), tokens.get(index + 2)]) {
            return Some(token.clone());
        }
        if let TokenTree::Group(group) = token
            && let Some(found) = find(group.stream(), matches)
        {
            return Some(found);
        }
    }
    None
}

/// The type without parentheses and without the invisible groups of `macro_rules!`.
fn unwrapped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        };
    }
}

fn last_segment(ty: &Type) -> Option<(String, &PathArguments)> {
    let Type::Path(path) = ty else { return None };
    path.path.segments.last().map(|segment| (segment.ident.to_string(), &segment.arguments))
}

fn single_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(ty)) if arguments.args.len() == 1 => Some(ty),
        _ => None,
    }
}

/// `String`, or its path in the standard library.
fn is_string(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let path: Vec<_> = path.path.segments.iter().map(|segment| segment.to_token_stream().to_string()).collect();
    match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["String"] => true,
        [krate, "string", "String"] => krate == "std" || krate == "alloc",
        _ => false,
    }
}
