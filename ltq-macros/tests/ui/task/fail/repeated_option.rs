#[ltq::task(queue = "a", timeout = "1s", queue = "b")]
async fn my_task(_id: u64) {}

fn main() {}
