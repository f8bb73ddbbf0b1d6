//! A crate that forbids unsafe code and wants documentation and tidy visibility everywhere.
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, missing_debug_implementations, unused, rust_2018_idioms, single_use_lifetimes)]
#![deny(clippy::all, clippy::pedantic)]

/// Documented.
#[ltq::task(queue = "a")]
pub async fn my_task(ctx: ltq::Context, name: &str, _unused: u8) -> ltq::TaskResult<usize> {
    let _ = ctx.id();
    Ok(name.len())
}

/// Old.
#[deprecated(note = "use `my_task`")]
#[ltq::task]
pub async fn old(name: String) {
    drop(name);
}

/// Older.
#[ltq::task(blocking)]
#[deprecated]
#[must_use]
pub fn older(name: &str) -> usize {
    name.len()
}

#[allow(missing_docs)]
pub mod undocumented {
    #[ltq::task]
    pub async fn my_task() {}
}

fn main() {
    let _ = my_task.message("a", 1);
}
