#[ltq::task(blocking)]
async fn my_task(id: u64) {}

fn main() {}
