//! From the model to tokens; no checks here. What is emitted describes the task and calls helpers of the library.
//!
//! The user's function becomes an associated function of a hidden struct, so that it keeps its name in backtraces and
//! spans while the same name, in its body too, means the task. Everything but the task itself stands in an anonymous
//! constant, under names that begin with `__ltq` or `__Ltq`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, ReturnType, Signature};

use super::arg_options::{ArgDefault, is_ours};
use super::docs;
use super::options::Options;
use super::signature::{Arg, ArgKind, Function, Model};
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
    let calls = calls(&private, model);
    let methods = methods(&private, model);
    let deref = deref(&private, model);
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

fn default_name(arg: &Arg<'_>) -> Ident {
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

/// The two ways to call the function: what the worker calls, and what `task(…)` calls. They stand in one constant
/// because the compiler then reports a future that is not `Send` once and not for each.
fn calls(private: &TokenStream, model: &Model<'_>) -> TokenStream {
    let pointer = pointer(private, model);
    let handler = handler(private, model);
    let plain_call = plain_call(model);
    quote! {
        #[allow(unused_variables, clippy::needless_borrow, clippy::type_complexity, clippy::unit_arg)]
        const __LTQ_CALLS: (#private::Handler, #pointer) = {
            use #private::{Decoded as _, NotDecoded as _, ResultReturned as _, ValueReturned as _};
            (#handler, #plain_call)
        };
    }
}

/// Decodes, injects, runs, ends: each a call of the library.
fn handler(private: &TokenStream, model: &Model<'_>) -> TokenStream {
    let name = &model.function.sig.ident;
    let locals = locals(model);
    let injections = model.args.iter().zip(&locals).filter(|(arg, _)| !arg.is_payload()).map(|(arg, local)| {
        let (ty, private) = (arg.ty, respanned(private, arg.ty.span()));
        quote_spanned!(ty.span()=> let #local = <#ty as #private::Inject>::inject(delivery)?;)
    });
    let values = model.args.iter().zip(&locals).map(|(arg, local)| {
        let ident = arg.ident;
        let default = arg.options.default.as_ref().map(|_| default_name(arg)).map(|name| quote!(.or_else(#name)));
        match arg.kind {
            ArgKind::State(_) | ArgKind::Context => quote!(#local),
            ArgKind::Str => quote!(&arguments.#ident #default),
            ArgKind::String | ArgKind::Value => quote!(arguments.#ident #default),
        }
    });
    let call = quote!(__LtqFunction::#name(#(#values),*));
    let returned = output_span(&model.function.sig);
    let returned_private = respanned(private, returned);
    let end = quote_spanned!(returned=> (&mut #returned_private::Returned(::core::option::Option::Some(value))).end());
    let (helper, started, end) = if model.blocking {
        (Ident::new("run_blocking", name.span()), quote!(move || { let value = #call; #end }), None)
    } else {
        // Only a borrowed argument needs a future that owns what it borrows from; it costs the size of the arguments.
        let future = if borrows(model) { quote!(async move { #call.await }) } else { call };
        (Ident::new("run", name.span()), future, Some(quote!(|value| #end)))
    };
    let types = payload_args(model).map(|arg| match (owned_type(arg), &arg.options.default) {
        (ty, Some(_)) => quote!(#private::OrDefault<#ty>),
        (ty, None) => ty,
    });
    let given = quote! {
        delivery,
        |bytes| (&#private::Decode(::core::marker::PhantomData::<__LtqArguments<#(#types),*>>)).decode(bytes),
        |delivery, arguments| {
            #(#injections)*
            ::core::result::Result::Ok(#started)
        },
        #end
    };
    // The compiler blames this call, and the boxing of the plain call, for a future that is not `Send`: at one place, so
    // that it says so once.
    let blamed = Span::call_site().located_at(name.span());
    let private_at_name = respanned(private, blamed);
    let run = quote_spanned!(blamed=> #private_at_name::#helper(#given));
    quote!(|delivery| #run)
}

fn plain_call(model: &Model<'_>) -> TokenStream {
    let name = &model.function.sig.ident;
    if model.blocking {
        return quote!(__LtqFunction::#name);
    }
    let locals = locals(model);
    let blamed = Span::call_site().located_at(name.span());
    let boxed = quote_spanned!(blamed=> ::std::boxed::Box::pin(__LtqFunction::#name(#(#locals),*)));
    quote!(|#(#locals),*| #boxed)
}

/// The type of the plain call: the function's own, its future boxed.
fn pointer(private: &TokenStream, model: &Model<'_>) -> TokenStream {
    let types = model.args.iter().map(|arg| match arg.kind {
        ArgKind::Str => quote!(&'__ltq ::core::primitive::str),
        _ => arg.ty.to_token_stream(),
    });
    let output = match &model.function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let (binder, lifetime) =
        if borrows(model) { (Some(quote!(for<'__ltq>)), quote!('__ltq)) } else { (None, quote!('static)) };
    let output = if model.blocking { output } else { quote!(#private::BoxFuture<#lifetime, #output>) };
    quote!(#binder fn(#(#types),*) -> #output)
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

/// The way from the struct to a function, so that `task(…)` calls the user's function.
fn deref(private: &TokenStream, model: &Model<'_>) -> TokenStream {
    let name = &model.function.sig.ident;
    let pointer = pointer(private, model);
    // The compiler points at the target when it holds a type that is more private than the task.
    let target = quote_spanned!(name.span()=> type Target = #pointer;);
    quote! {
        #[allow(deprecated, clippy::type_complexity)]
        impl ::core::ops::Deref for #name {
            #target

            fn deref(&self) -> &<Self as ::core::ops::Deref>::Target {
                &__LTQ_CALLS.1
            }
        }
    }
}

/// `tokens` as if they stood at `span`, for errors that point at the user's code.
fn respanned(tokens: &TokenStream, span: Span) -> TokenStream {
    tokens
        .clone()
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

fn locals(model: &Model<'_>) -> Vec<Ident> {
    (0..model.args.len()).map(|index| format_ident!("value{index}")).collect()
}

fn borrows(model: &Model<'_>) -> bool {
    model.args.iter().any(|arg| matches!(arg.kind, ArgKind::Str))
}

fn payload_args<'m, 'a>(model: &'m Model<'a>) -> impl Iterator<Item = &'m Arg<'a>> {
    model.args.iter().filter(|arg| arg.is_payload())
}

/// The type of an argument in the payload.
fn owned_type(arg: &Arg<'_>) -> TokenStream {
    let ty = arg.ty;
    match arg.kind {
        ArgKind::Str => quote_spanned!(ty.span()=> ::std::string::String),
        _ => quote!(#ty),
    }
}

fn accepts_text(arg: &Arg<'_>) -> bool {
    matches!(arg.kind, ArgKind::Str | ArgKind::String)
}

fn output_span(sig: &Signature) -> Span {
    match &sig.output {
        ReturnType::Default => Ident::span(&sig.ident),
        ReturnType::Type(_, ty) => ty.span(),
    }
}

fn attrs<'a>(function: &'a Function, names: &'a [&str]) -> Vec<&'a Attribute> {
    function.attrs.iter().filter(|attr| is_one_of(attr, names)).collect()
}

fn is_one_of(attr: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attr.path().is_ident(name))
}
