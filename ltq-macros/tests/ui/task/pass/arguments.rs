//! No arguments, `&str`, injected ones anywhere, attributes of serde.
use ltq::{Context, State};

#[ltq::task]
async fn nothing() {}

#[ltq::task]
async fn texts(a: &str, n: u8, b: &str, c: std::string::String) -> usize {
    a.len() + b.len() + c.len() + usize::from(n)
}

#[ltq::task(blocking)]
fn blocking(a: &str, pool: ltq::State<Vec<&'static str>>, ctx: ltq::Context, b: &str) -> Result<(), std::fmt::Error> {
    let _ = (a, pool, ctx, b);
    Err(std::fmt::Error)
}

#[ltq::task]
async fn mixed(#[serde(default)] n: u8, ctx: Context, pool: State<String>, other: State<u8>, list: Option<Vec<(u8, String)>>) {
    let _ = (n, ctx, pool, other, list);
}

fn main() {
    let owned = String::new();
    let _ = nothing.message();
    let _ = nothing();
    let _ = texts.message("a", 1, &owned, owned.clone());
    let _ = texts("a", 1, &owned, owned.clone());
    let _ = blocking.message("a", owned.clone());
    let _ = blocking("a", State::new(vec![]), Context::detached(), "b");
    let _ = mixed.message(1, None);
    fn is_send<T: Send>(_: T) {}
    is_send(texts.send("a", 1, &owned, owned.clone()));
    is_send(nothing.send_bulk([nothing.message(), texts.message("a", 1, "b", "c")]));
    is_send(texts("a", 1, &owned, owned.clone()));
}
