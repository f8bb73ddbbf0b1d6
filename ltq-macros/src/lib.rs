//! The attributes of `ltq`. Use them as `#[ltq::task]` and `#[ltq::worker]`; this package is not meant to be depended on
//! directly.
//!
//! What an attribute emits only describes: the code that runs is in `ltq-core`, mostly in its `task/call.rs`.

mod errors;
mod literal;
mod task;
mod text;
mod worker;

use proc_macro::TokenStream;

/// TODO
#[proc_macro_attribute]
pub fn task(args: TokenStream, item: TokenStream) -> TokenStream {
    task::expand(args.into(), item.into()).into()
}

/// TODO
#[proc_macro_attribute]
pub fn worker(args: TokenStream, item: TokenStream) -> TokenStream {
    worker::expand(args.into(), item.into()).into()
}
