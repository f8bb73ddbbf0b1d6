#[ltq::task(max_attempts = 0)]
async fn my_task() {}

fn main() {}
