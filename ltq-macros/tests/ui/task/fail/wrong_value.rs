#[ltq::task(name = 5, queue, max_attempts = "5", timeout = 30, rate = 10, blocking = false)]
async fn my_task(_id: u64) {}

#[ltq::task(queue("reports"), "reports", max_attempts = 2 + 3, max_attempts = 99999999999)]
async fn my_other_task(_id: u64) {}

fn main() {}
