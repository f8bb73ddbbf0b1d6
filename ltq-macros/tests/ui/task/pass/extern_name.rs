//! A crate that depends on ltq under another name, in a module too.
#![no_implicit_prelude]

extern crate ltq as queue;

mod tasks {
    #[::queue::task(crate = "::queue")]
    pub async fn my_task(#[ltq(default)] _name: ::std::string::String, _ctx: ::queue::Context) {}

    #[::queue::worker(crate = "::queue")]
    fn worker() -> ::queue::Worker {
        ::queue::Worker::new("a")
    }
}

fn main() {
    let _ = tasks::my_task.message("a");
}
