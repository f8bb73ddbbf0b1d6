//! `#[ltq::worker]`: keeps the function and registers it under its path.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{LitStr, Path, ReturnType, Token};

use crate::errors::Errors;
use crate::task::Function;

/// The attribute with the tokens `args`, on `item`.
pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let krate = errors.ok(krate(args)).flatten();
    let registration = match Function::parse(item.clone(), "worker") {
        Ok(function) => {
            check(&function, &mut errors);
            (errors.count() == 0).then(|| registration(krate.as_ref(), &function))
        }
        Err(error) => {
            errors.push(error);
            None
        }
    };
    let errors = errors.to_tokens();
    quote!(#errors #item #registration)
}

/// The one option, `crate = "path"`.
fn krate(args: TokenStream) -> syn::Result<Option<Path>> {
    let expected = "`#[ltq::worker]` takes no options: the worker is set up in the function's body";
    let parser = |input: ParseStream<'_>| {
        if input.is_empty() {
            return Ok(None);
        }
        if !input.peek(Token![crate]) {
            let option = input.parse::<proc_macro2::TokenTree>()?;
            input.parse::<TokenStream>()?;
            return Err(syn::Error::new(option.span(), expected));
        }
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        input.parse::<LitStr>()?.parse().map(Some)
    };
    parser.parse2(args)
}

fn check(function: &Function, errors: &mut Errors) {
    let sig = &function.sig;
    if let Some(asyncness) = &sig.asyncness {
        errors.at(
            asyncness.span,
            "a worker is made by a plain function: remove `async`; what needs to be awaited belongs into a task or before `ltq::run`",
        );
    }
    if let syn::Safety::Unsafe(token) = &sig.safety {
        errors.at(
            token.span,
            "`ltq run` calls this function and cannot keep the promises of an `unsafe fn`: remove `unsafe`",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.spanned(abi, "`ltq run` calls this function from Rust: remove `extern`");
    }
    if let Some(receiver) = sig.receiver() {
        errors.spanned(
            receiver,
            "a worker is made by a free function: remove `self` and move the function out of the `impl`",
        );
    } else if !sig.inputs.is_empty() {
        errors.spanned(
            &sig.inputs,
            "`ltq run` has nothing to pass to this function: remove the arguments and read settings in the body",
        );
    }
    if !sig.generics.params.is_empty() {
        errors.spanned(&sig.generics, "`ltq run` calls one function, which cannot be generic: remove the parameters");
    } else if let Some(clause) = &sig.generics.where_clause {
        errors.spanned(clause, "this function is not generic, so it has no `where` clause: remove it");
    }
    if let ReturnType::Default = sig.output {
        errors.at(sig.ident.span(), "this function makes a worker: add `-> Worker`");
    }
}

fn registration(krate: Option<&Path>, function: &Function) -> TokenStream {
    let private = krate.map_or_else(|| quote!(::ltq::__private), |path| quote!(#path::__private));
    let ident = &function.sig.ident;
    let name = ident.unraw().to_string();
    let cfg = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    let place = quote_spanned!(ident.span()=> ::core::file!(), ::core::line!());
    // Spanned at the type, which is what is wrong when it is not a worker.
    let span = match &function.sig.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => ident.span(),
    };
    let mut call = ident.clone();
    call.set_span(ident.span().located_at(span));
    let make = quote_spanned!(span=> || -> #private::App { #private::IntoApp::into_app(#call()) });
    quote! {
        #(#cfg)*
        #[allow(deprecated)]
        const _: () = {
            #private::inventory::submit! {
                #private::WorkerEntry::new(
                    ::core::concat!(::core::module_path!(), "::", #name),
                    #place,
                    #make,
                )
            }
        };
    }
}
