//! No arguments, `&str`, injected ones anywhere, attributes.
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
async fn mixed(#[ltq(default)] n: u8, ctx: Context, pool: State<String>, other: State<u8>, list: Option<Vec<(u8, String)>>) {
    let _ = (n, ctx, pool, other, list);
}

mod defaults {
    pub fn delivery() -> String {
        String::new()
    }
}
use defaults::delivery;

// The names of the defaults are those of locals of the expansion.
#[ltq::task]
async fn attributes(
    #[ltq(default = delivery, rename = "the name")] name: &str,
    #[ltq(default = Vec::new)] list: Vec<u8>,
    #[ltq(default = defaults::delivery)] r#type: String,
    #[ltq(default, skip_log)] #[allow(unused)] number: u8,
    #[ltq(default = std::option::Option::<u8>::default)] maybe: Option<u8>,
) -> usize {
    name.len() + list.len() + r#type.len() + usize::from(maybe.unwrap_or(0))
}

#[ltq::task(blocking)]
fn attributes_blocking(#[ltq(default = delivery)] name: &str, #[ltq(rename = "name_2")] list: Vec<u8>) -> usize {
    name.len() + list.len()
}

fn main() {
    let _ = attributes.message("a", vec![], "b", 1, None);
    let _ = attributes_blocking.message("a", vec![]);
    let _ = (attributes("a", vec![], String::new(), 1, None), attributes_blocking("a", vec![]));
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
