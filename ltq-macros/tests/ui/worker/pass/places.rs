//! A worker function is an ordinary function.
#![forbid(unsafe_code)]
#![deny(missing_docs, warnings)]

/// Documented.
#[ltq::worker]
pub fn worker() -> ltq::Worker {
    ltq::Worker::new("a")
}

mod private {
    #[ltq::worker]
    fn r#match() -> ltq::Worker {
        super::worker()
    }
}

#[ltq::worker]
#[cfg(any())]
fn absent() -> Missing {}

fn main() {
    let _ = worker();
}
