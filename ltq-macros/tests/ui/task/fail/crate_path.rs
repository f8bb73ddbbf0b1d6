#[ltq::task(crate = "not a path")]
async fn my_task() {}

#[ltq::task(crate = ltq)]
async fn unquoted() {}

#[ltq::task(queue =, name("x"))]
async fn no_value() {}

fn main() {}
