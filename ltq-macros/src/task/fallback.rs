//! What is emitted after an error in the signature: the errors, the user's function as it is, and a stand-in for the
//! task, so that its name, its methods and `use`s of what the body needs do not become errors of their own.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::{FnArg, Pat, Type};

use super::expand;
use super::options::Options;
use super::signature::Function;
use crate::errors::Errors;

/// The errors and the item as it was: it is no function, so there is nothing to stand in for.
pub(super) fn untouched(errors: &Errors, item: TokenStream) -> TokenStream {
    let mut tokens = errors.to_tokens();
    tokens.extend(item);
    tokens
}

/// The errors and a task that takes anything.
pub(super) fn stand_in(errors: &Errors, options: &Options, function: &Function) -> TokenStream {
    let errors = errors.to_tokens();
    let item = expand::item(function, None);
    let private = expand::private(options);
    let (vis, name) = (&function.vis, &function.sig.ident);
    let payload: Vec<_> = function.sig.inputs.iter().filter(|input| is_payload(input)).collect();
    let parameters: Vec<_> = (0..payload.len()).map(|index| format_ident!("value{index}")).collect();
    let kept = kept(function);
    quote! {
        #errors
        #item

        const _: () = {
            struct __LtqFunction;

            #[allow(unused, clippy::all)]
            impl __LtqFunction {
                #kept
            }

            #[allow(unused, deprecated, clippy::all)]
            impl #name {
                #[doc(hidden)]
                #vis fn message(&self, #(#parameters: impl ::core::marker::Sized),*) -> #private::Message {
                    loop {}
                }

                #[doc(hidden)]
                #vis async fn send(
                    &self, #(#parameters: impl ::core::marker::Sized),*
                ) -> ::core::result::Result<#private::MessageId, #private::SendError> {
                    loop {}
                }

                #[doc(hidden)]
                #vis async fn send_bulk(
                    &self, messages: impl ::core::iter::IntoIterator<Item = #private::Message>,
                ) -> ::core::result::Result<::std::vec::Vec<#private::MessageId>, #private::SendError> {
                    loop {}
                }
            }

            #[allow(deprecated)]
            impl #private::Task for #name {
                type Output = ();
                const DEF: &'static #private::TaskDef = &#private::TaskDef::new("", "", |_| loop {});
            }
        };
    }
}

/// The function, unless the compiler would complain about it by itself, for the same reason.
fn kept(function: &Function) -> Option<TokenStream> {
    let mut sig = function.sig.clone();
    if sig.constness.is_some() || sig.variadic.is_some() || sig.abi.is_some() {
        return None;
    }
    let mut names = Vec::new();
    for input in &mut sig.inputs {
        let FnArg::Typed(typed) = input else { continue };
        typed.attrs.clear();
        if let Pat::Ident(pat) = typed.pat.as_ref() {
            if names.contains(&pat.ident) {
                return None;
            }
            names.push(pat.ident.clone());
        }
        let shadows_task = matches!(typed.pat.as_ref(), Pat::Ident(pat) if pat.ident == sig.ident);
        if shadows_task || is_incomplete(&typed.ty) {
            return None;
        }
    }
    let body = &function.body;
    Some(quote!(#sig #body))
}

/// A type with `_` in it, or a `State` of nothing.
fn is_incomplete(ty: &Type) -> bool {
    let has_placeholder = ty.to_token_stream().to_string().split([' ', '<', '>', ',']).any(|word| word == "_");
    let bare_state = matches!(ty, Type::Path(path)
        if path.path.segments.last().is_some_and(|last| last.ident == "State" && last.arguments.is_none()));
    has_placeholder || bare_state
}

fn is_payload(input: &FnArg) -> bool {
    let FnArg::Typed(typed) = input else { return false };
    let mut ty = typed.ty.as_ref();
    while let Type::Reference(reference) = ty {
        ty = &reference.elem;
    }
    let Type::Path(path) = ty else { return true };
    path.path.segments.last().is_none_or(|last| last.ident != "State" && last.ident != "Context")
}
