#[ltq::task(timeout = "30")]
async fn no_unit() {}

#[ltq::task(timeout = "0s", max_age = "soon")]
async fn zero() {}

fn main() {}
