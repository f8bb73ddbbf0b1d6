//! A worker function is an ordinary function.
#![forbid(unsafe_code)]
#![deny(missing_docs, warnings)]

/// Documented.
#[ltq::worker]
pub fn worker() -> ltq::Worker {
    ltq::Worker::new("a")
}

/// Several in one process.
#[ltq::worker]
pub fn app() -> ltq::App {
    ltq::App::new().worker(worker()).worker(ltq::Worker::new("b").own_runtime(1))
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
    let _ = (worker(), app());
}
