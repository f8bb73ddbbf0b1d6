//! Whatever is returned is kept: it needs no trait at all.
use std::cell::Cell;

struct Opaque(#[allow(dead_code)] Cell<*const u8>);

type Alias<T> = Result<T, std::num::ParseIntError>;

#[ltq::task]
async fn opaque() -> Opaque {
    Opaque(Cell::new(std::ptr::null()))
}

#[ltq::task(blocking)]
fn opaque_blocking() -> Option<Opaque> {
    None
}

#[ltq::task]
async fn aliased(text: String) -> Alias<u8> {
    text.parse()
}

#[ltq::task]
async fn question_mark(text: String) -> ltq::TaskResult<u8> {
    Ok(text.parse()?)
}

#[ltq::task]
async fn fixed() -> &'static str {
    "text"
}

fn main() {
    let _ = (opaque(), opaque_blocking(), aliased(String::new()), question_mark(String::new()), fixed());
}
