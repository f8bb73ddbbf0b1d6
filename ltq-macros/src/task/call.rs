//! How the function is called, by the worker and as `task(…)`, and what it returns.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ReturnType;
use syn::spanned::Spanned as _;

use super::expand::{default_name, owned_type, payload_args, respanned};
use super::signature::{ArgKind, Model};

/// The two ways to call the function: what the worker calls, and what `task(…)` calls. They stand in one constant
/// because the compiler then reports a future that is not `Send` once and not for each.
pub(super) fn calls(private: &TokenStream, model: &Model<'_>) -> TokenStream {
    let pointer = pointer(private, model);
    let handler = handler(private, model);
    let plain_call = plain_call(model);
    quote! {
        #[allow(unused_variables, clippy::needless_borrow, clippy::type_complexity, clippy::unit_arg)]
        const __LTQ_CALLS: (#private::Handler, #pointer) = {
            use #private::{Decoded as _, NotDecoded as _};
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
    let (returned, is_result) = (returned(model), is_result(private, model));
    // All of it at the type that is returned, so that errors about the type stand there.
    let at_type = Span::call_site().located_at(returned.span());
    let private_at_type = respanned(private, at_type);
    let end = quote_spanned!(at_type=> #private_at_type::end::<#returned, #is_result>);
    let (helper, started, end) = if model.blocking {
        let end = quote_spanned!(at_type=> #end(returned, is_wanted));
        (Ident::new("run_blocking", name.span()), quote!(move |is_wanted| { let returned = #call; #end }), None)
    } else {
        // Only a borrowed argument needs a future that owns what it borrows from; it costs the size of the arguments.
        let future = if borrows(model) { quote!(async move { #call.await }) } else { call };
        (Ident::new("run", name.span()), future, Some(end))
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
    let output = returned(model);
    let (binder, lifetime) =
        if borrows(model) { (Some(quote!(for<'__ltq>)), quote!('__ltq)) } else { (None, quote!('static)) };
    let output = if model.blocking { output } else { quote!(#private::BoxFuture<#lifetime, #output>) };
    quote!(#binder fn(#(#types),*) -> #output)
}

/// What the task returns on success, as the types say it.
pub(super) fn output(private: &TokenStream, model: &Model<'_>) -> TokenStream {
    let (returned, is_result) = (returned(model), is_result(private, model));
    // At the name, as the target of `deref`: a type that is more private than the task is then reported once.
    quote_spanned!(model.function.sig.ident.span()=> type Output = <#returned as #private::Returned<#is_result>>::Output;)
}

/// A constant that says whether the task returns a `Result`.
fn is_result(private: &TokenStream, model: &Model<'_>) -> TokenStream {
    let returned = returned(model);
    quote!({
        use #private::NotResult as _;
        #private::Kind::<#returned>::IS_RESULT
    })
}

/// What the function returns.
fn returned(model: &Model<'_>) -> TokenStream {
    match &model.function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    }
}

/// The way from the struct to a function, so that `task(…)` calls the user's function.
pub(super) fn deref(private: &TokenStream, model: &Model<'_>) -> TokenStream {
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

fn locals(model: &Model<'_>) -> Vec<Ident> {
    (0..model.args.len()).map(|index| format_ident!("value{index}")).collect()
}

fn borrows(model: &Model<'_>) -> bool {
    model.args.iter().any(|arg| matches!(arg.kind, ArgKind::Str))
}
