use ltq::Worker;

#[ltq::worker]
async fn not_plain() -> Worker {
    Worker::new("a")
}

#[ltq::worker]
fn with_arguments(_queue: &str) -> Worker {
    Worker::new("a")
}

#[ltq::worker]
fn generic<T>() -> Worker {
    Worker::new("a")
}

#[ltq::worker(queue = "a")]
fn with_option() -> Worker {
    Worker::new("a")
}

#[ltq::worker]
fn nothing_returned() {}

#[ltq::worker]
fn something_else() -> String {
    String::new()
}

#[ltq::worker]
struct NotAFunction;

struct Service;

impl Service {
    #[ltq::worker]
    fn method(&self) -> Worker {
        Worker::new("a")
    }
}

fn main() {}
