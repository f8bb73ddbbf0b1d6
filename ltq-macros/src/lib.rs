//! skeleton
use proc_macro::TokenStream;

/// skeleton
#[proc_macro_attribute]
pub fn task(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}
/// skeleton
#[proc_macro_attribute]
pub fn worker(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}
