//! `#[ltq::task]`: parse, check, expand, in that order, nothing else.
//!
//! Options and signature are checked apart and all their errors are reported together. A wrong option is left out and
//! the task is expanded without it; a wrong signature leads to a stand-in. Either way the rest of the program still
//! finds the task, so that one mistake shows as one error.

mod arg_options;
mod call;
mod docs;
mod expand;
mod fallback;
mod options;
mod signature;

use proc_macro2::TokenStream;

use self::options::Options;
pub(crate) use self::signature::Function;
use self::signature::Model;
use crate::errors::Errors;

/// The attribute with the tokens `args`, on `item`.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(args, &mut errors);
    let function = match Function::parse(item.clone(), "task") {
        Ok(function) => function,
        Err(error) => {
            errors.push(error);
            return fallback::untouched(&errors, item);
        }
    };
    let model = Model::check(&function, &options, &mut errors);
    match model {
        Some(model) => {
            let mut tokens = errors.to_tokens();
            tokens.extend(expand::task(&options, &model));
            tokens
        }
        // A method: nothing but functions may stand in its `impl`.
        None if function.sig.receiver().is_some() => fallback::untouched(&errors, item),
        None => fallback::stand_in(&errors, &options, &function),
    }
}
