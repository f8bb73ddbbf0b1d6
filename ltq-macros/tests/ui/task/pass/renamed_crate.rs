//! A crate that knows ltq under another name.

mod other {
    pub use ltq as renamed;
}

#[other::renamed::task(crate = "crate::other::renamed")]
async fn my_task(name: String, ctx: other::renamed::Context) {
    let _ = (name, ctx);
}

#[other::renamed::worker(crate = "crate::other::renamed")]
fn worker() -> other::renamed::Worker {
    other::renamed::Worker::new("a")
}

fn main() {
    let _ = my_task.message("a");
    let _ = worker;
}
