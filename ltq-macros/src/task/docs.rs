//! The documentation of what is emitted: what hovering over a task or its methods shows. The user's own words come
//! first, and a task without any gets none, so that `missing_docs` still asks for them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ReturnType;
use syn::ext::IdentExt as _;

use super::arg_options::ArgDefault;
use super::options::Options;
use super::signature::{Arg, ArgKind, Model};
use crate::text::type_text;

/// What follows the user's own documentation: the function that the struct stands for.
pub(super) fn item(options: &Options, model: &Model<'_>) -> Option<TokenStream> {
    let function = model.function;
    if !function.attrs.iter().any(|attr| attr.path().is_ident("doc")) {
        return None;
    }
    let name = function.sig.ident.unraw();
    let all = model.args.iter().map(|arg| format!("{}: {}", arg.ident.unraw(), type_text(arg.ty)));
    let output = match &function.sig.output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, ty) => format!(" -> {}", type_text(ty)),
    };
    let qualifier = if model.blocking { "" } else { "async " };
    let signature = format!("{qualifier}fn {name}({}){output}", all.collect::<Vec<_>>().join(", "));
    let sent: Vec<_> = payload(model).map(|arg| arg.ident.unraw().to_string()).collect();
    let queue = options.queue.as_ref().map_or_else(String::new, |queue| format!(" on the queue `{queue}`"));
    let text = format!(
        "A task{queue}: `{name}.send({})` sends a call, and `{name}(…)` makes one here, without a queue. The function:",
        sent.join(", ")
    );
    Some(quote! {
        #[doc = ""]
        #[doc = #text]
        #[doc = ""]
        #[doc = "```text"]
        #[doc = #signature]
        #[doc = "```"]
    })
}

/// Of `message`.
pub(super) fn message(model: &Model<'_>) -> String {
    let task = model.function.sig.ident.unraw();
    format!(
        "A message that calls the task `{task}`. It does nothing until it is sent, and can be delayed before.{}",
        arguments(model)
    )
}

/// Of `send`.
pub(super) fn send(model: &Model<'_>) -> String {
    let task = model.function.sig.ident.unraw();
    format!(
        "Sends a call of the task `{task}` with the client of the worker around this call, else with the process-wide one.{}",
        arguments(model)
    )
}

/// Of `send_bulk`.
pub(super) fn send_bulk(model: &Model<'_>) -> String {
    let task = model.function.sig.ident.unraw();
    let sent: Vec<_> = payload(model).map(|arg| arg.ident.unraw().to_string()).collect();
    format!(
        "Sends any number of messages made by `{task}.message({})`, at once and with the client that `send` uses.",
        sent.join(", ")
    )
}

fn arguments(model: &Model<'_>) -> String {
    let lines: String = payload(model).map(argument).collect();
    if lines.is_empty() { String::new() } else { format!("\n\n# Arguments\n\n{lines}") }
}

fn argument(arg: &Arg<'_>) -> String {
    let mut line = format!("- `{}`: `{}`", arg.ident.unraw(), type_text(arg.ty));
    if matches!(arg.kind, ArgKind::Str | ArgKind::String) {
        line.push_str(", given as a `String` or `&str`");
    }
    if let Some(name) = &arg.options.rename {
        line.push_str(&format!(", sent as `{}`", name.value()));
    }
    match &arg.options.default {
        Some(ArgDefault::OfType) => line.push_str(", its default where a message lacks it"),
        Some(ArgDefault::Function(path)) => {
            let path = quote!(#path).to_string().replace(' ', "");
            line.push_str(&format!(", `{path}()` where a message lacks it"));
        }
        None => {}
    }
    if arg.options.skip_log {
        line.push_str(", never shown in reports");
    }
    line.push('\n');
    line
}

fn payload<'m, 'a>(model: &'m Model<'a>) -> impl Iterator<Item = &'m Arg<'a>> {
    model.args.iter().filter(|arg| arg.is_payload())
}
