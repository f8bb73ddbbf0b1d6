//! From the model to tokens; no checks here. What is emitted describes the task and calls helpers of the library.
//!
//! The user's function becomes an associated function of a hidden struct, so that it keeps its name in backtraces and
//! spans while the same name, in its body too, means the task. Everything but the task itself stands in an anonymous
//! constant, under names that begin with `__ltq` or `__Ltq`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::Attribute;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use super::arg_options::{ArgDefault, is_ours};
use super::options::Options;
use super::signature::{Arg, ArgKind, Function, Model};
use super::{call, docs};
use crate::literal::duration_tokens;
use crate::text::type_text;

/// Everything the attribute emits.
pub(super) fn task(options: &Options, model: &Model<'_>) -> TokenStream {
    let function = model.function;
    let private = private(options);
    let name = &function.sig.ident;
    let cfg = attrs(function, &["cfg"]);
    let item = item(function, docs::item(options, model).as_ref());
    let inner = inner_fn(model);
    let payload = payload(&private, model);
    let definition = definition(&private, options, model);
    let calls = call::calls(&private, model);
    let methods = methods(&private, model);
    let deref = call::deref(&private, model);
    let output = call::output(&private, model);
    quote! {
        #item

        #(#cfg)*
        const _: () = {
            struct __LtqFunction;

            impl __LtqFunction {
                #inner
            }

            #payload
            #calls
            #definition

            #[allow(deprecated)]
            impl #private::Task for #name {
                #output
                const DEF: &'static #private::TaskDef = &__LTQ_DEF;
            }

            #private::inventory::submit! { #private::TaskEntry(&__LTQ_DEF) }

            #methods
            #deref
        };
    }
}

/// The module that generated code names.
pub(super) fn private(options: &Options) -> TokenStream {
    match &options.krate {
        Some(path) => quote!(#path::__private),
        None => quote!(::ltq::__private),
    }
}

/// The unit struct that stands where the function stood.
pub(super) fn item(function: &Function, more_docs: Option<&TokenStream>) -> TokenStream {
    let attrs = attrs(function, &["doc", "cfg", "deprecated", "allow", "warn", "deny", "forbid"]);
    let (vis, name) = (&function.vis, &function.sig.ident);
    quote! {
        #(#attrs)*
        #more_docs
        #[allow(non_camel_case_types, dead_code)]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #name;
    }
}

/// The user's function, with every attribute that is not about the item.
fn inner_fn(model: &Model<'_>) -> TokenStream {
    let function = model.function;
    let attrs = function.attrs.iter().filter(|attr| !is_one_of(attr, &["doc", "cfg", "deprecated"]));
    let mut sig = function.sig.clone();
    for input in &mut sig.inputs {
        if let syn::FnArg::Typed(typed) = input {
            typed.attrs.retain(|attr| !is_ours(attr));
        }
    }
    let body = &function.body;
    quote! {
        #(#attrs)*
        #[allow(clippy::needless_pass_by_value, clippy::unused_async)]
        #sig #body
    }
}

/// The struct that travels. It is generic over its fields, so that it derives whatever their types are; what they are
/// asked for stands beside it, at each type.
fn payload(private: &TokenStream, model: &Model<'_>) -> TokenStream {
    let serde = quote!(#private::serde);
    let serde_path = serde.to_string().replace(' ', "");
    let types: Vec<_> = (0..payload_args(model).count()).map(|index| format_ident!("__LtqType{index}")).collect();
    let fields = payload_args(model).zip(&types).map(|(arg, ty)| {
        let ident = arg.ident;
        let default = arg.options.default.as_ref().map(|_| quote!(#[serde(default)]));
        let rename = arg.options.rename.as_ref().map(|name| quote!(#[serde(rename = #name)]));
        quote!(#default #rename #ident: #ty)
    });
    let checks = payload_args(model).map(|arg| {
        let (ty, private) = (owned_type(arg), respanned(private, arg.ty.span()));
        quote_spanned!(arg.ty.span()=> const _: () = #private::argument::<#ty>();)
    });
    let defaults = payload_args(model).filter_map(|arg| default(private, arg));
    quote! {
        #[derive(#serde::Serialize, #serde::Deserialize)]
        #[serde(crate = #serde_path)]
        #[allow(non_snake_case, non_camel_case_types)]
        struct __LtqArguments<#(#types),*> { #(#fields),* }

        #(#checks)*
        #(#defaults)*
    }
}

/// The function that makes a missing argument, as a constant: among the locals of the handler a path might mean one of
/// them.
fn default(private: &TokenStream, arg: &Arg<'_>) -> Option<TokenStream> {
    let (name, ty) = (default_name(arg), owned_type(arg));
    let function = match arg.options.default.as_ref()? {
        ArgDefault::OfType => {
            let private = respanned(private, arg.ty.span());
            quote_spanned!(arg.ty.span()=> <#ty as #private::DefaultArgument>::default_argument)
        }
        ArgDefault::Function(path) => path.to_token_stream(),
    };
    Some(quote! {
        #[allow(non_upper_case_globals)]
        const #name: fn() -> #ty = #function;
    })
}

pub(super) fn default_name(arg: &Arg<'_>) -> Ident {
    format_ident!("__ltq_default_{}", arg.ident.unraw())
}

/// The description and its registration.
fn definition(private: &TokenStream, options: &Options, model: &Model<'_>) -> TokenStream {
    let ident = &model.function.sig.ident;
    let function_name = ident.unraw().to_string();
    let path = quote!(::core::concat!(::core::module_path!(), "::", #function_name));
    let name = options.name.as_ref().map_or_else(|| path.clone(), |name| quote!(#name));
    // Spanned at the function, so that the line is that of its name and not that of the attribute.
    let place = quote_spanned!(ident.span()=> ::core::file!(), ::core::line!());
    let args = payload_args(model).map(|arg| {
        let (name, ty) = (arg.wire_name(), type_text(arg.ty));
        let has_default = arg.options.default.as_ref().map(|_| quote!(.has_default()));
        let skip_log = arg.options.skip_log.then(|| quote!(.skip_log()));
        quote!(#private::ArgDef::new(#name, #ty) #has_default #skip_log)
    });
    let states = model.args.iter().filter_map(|arg| match arg.kind {
        ArgKind::State(ty) => Some(quote_spanned!(ty.span()=> #private::StateDef::of::<#ty>())),
        _ => None,
    });
    let settings = settings(private, options);
    quote! {
        static __LTQ_DEF: #private::TaskDef = #private::TaskDef::new(#name, #path, __LTQ_CALLS.0)
            .at(#place)
            .args(&[#(#args),*])
            .states(&[#(#states),*])
            #settings;
    }
}

/// The options as calls of the definition's builder.
fn settings(private: &TokenStream, options: &Options) -> TokenStream {
    let queue = options.queue.as_ref().map(|queue| quote!(.queue(#queue)));
    let max_attempts = options.max_attempts.map(|attempts| quote!(.max_attempts(#attempts)));
    let backoff = options.backoff.map(|(min, max)| {
        let (min, max) = (duration_tokens(min), duration_tokens(max));
        quote!(.backoff(#private::BackoffDef::new(#min, #max)))
    });
    let timeout = options.timeout.map(duration_tokens).map(|timeout| quote!(.timeout(#timeout)));
    let rate = options.rate.map(|(count, per)| {
        let per = duration_tokens(per);
        quote!(.rate(#private::Rate::new(#count, #per)))
    });
    let max_age = options.max_age.map(duration_tokens).map(|max_age| quote!(.max_age(#max_age)));
    let blocking = options.blocking.map(|_| quote!(.blocking()));
    quote!(#queue #max_attempts #backoff #timeout #rate #max_age #blocking)
}

/// `message`, `send`, `send_bulk`.
fn methods(private: &TokenStream, model: &Model<'_>) -> TokenStream {
    let (vis, name) = (&model.function.vis, &model.function.sig.ident);
    let parameters: Vec<_> = payload_args(model)
        .map(|arg| {
            let (ident, ty) = (arg.ident, owned_type(arg));
            if accepts_text(arg) { quote!(#ident: impl ::core::convert::Into<#ty>) } else { quote!(#ident: #ty) }
        })
        .collect();
    let values = payload_args(model).map(|arg| {
        let (ident, ty) = (arg.ident, owned_type(arg));
        let value = if accepts_text(arg) { quote!(::core::convert::Into::<#ty>::into(#ident)) } else { quote!(#ident) };
        if arg.options.default.is_some() {
            quote!(#ident: #private::OrDefault::new(#value))
        } else if accepts_text(arg) {
            quote!(#ident: #value)
        } else {
            quote!(#ident)
        }
    });
    let idents: Vec<_> = payload_args(model).map(|arg| arg.ident).collect();
    let (message_doc, send_doc, bulk_doc) = (docs::message(model), docs::send(model), docs::send_bulk(model));
    // Where the function's name is, so that errors about a call, and editors, lead there and not to the attribute.
    let at_name = Span::call_site().located_at(name.span());
    let [message, send, send_bulk] = ["message", "send", "send_bulk"].map(|method| Ident::new(method, at_name));
    quote! {
        #[allow(deprecated, dead_code, private_interfaces, clippy::too_many_arguments, clippy::unused_self, clippy::trivially_copy_pass_by_ref)]
        impl #name {
            #[doc = #message_doc]
            #vis fn #message(&self, #(#parameters),*) -> #private::Message {
                use #private::{Encoded as _, NotEncoded as _};
                (&#private::Encode(&__LtqArguments { #(#values),* })).message(&__LTQ_DEF)
            }

            #[doc = #send_doc]
            ///
            /// # Errors
            ///
            /// The message was not accepted.
            #vis async fn #send(&self, #(#parameters),*) -> ::core::result::Result<#private::MessageId, #private::SendError> {
                self.message(#(#idents),*).send().await
            }

            #[doc = #bulk_doc]
            ///
            /// # Errors
            ///
            /// Not all messages were accepted; the error says which were.
            #vis async fn #send_bulk(
                &self,
                messages: impl ::core::iter::IntoIterator<Item = #private::Message>,
            ) -> ::core::result::Result<::std::vec::Vec<#private::MessageId>, #private::SendError> {
                #private::current().await?.send_bulk(messages).await
            }
        }
    }
}

/// `tokens` as if they stood at `span`, for errors that point at the user's code.
pub(super) fn respanned(tokens: &TokenStream, span: Span) -> TokenStream {
    tokens
        .clone()
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

pub(super) fn payload_args<'m, 'a>(model: &'m Model<'a>) -> impl Iterator<Item = &'m Arg<'a>> {
    model.args.iter().filter(|arg| arg.is_payload())
}

/// The type of an argument in the payload.
pub(super) fn owned_type(arg: &Arg<'_>) -> TokenStream {
    let ty = arg.ty;
    match arg.kind {
        ArgKind::Str => quote_spanned!(ty.span()=> ::std::string::String),
        _ => quote!(#ty),
    }
}

fn accepts_text(arg: &Arg<'_>) -> bool {
    matches!(arg.kind, ArgKind::Str | ArgKind::String)
}

fn attrs<'a>(function: &'a Function, names: &'a [&str]) -> Vec<&'a Attribute> {
    function.attrs.iter().filter(|attr| is_one_of(attr, names)).collect()
}

fn is_one_of(attr: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attr.path().is_ident(name))
}
