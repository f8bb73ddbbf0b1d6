#[ltq::task(rate = "10")]
async fn no_time() {}

#[ltq::task(rate = "0/s")]
async fn zero() {}

#[ltq::task(rate = "-1/s")]
async fn negative() {}

#[ltq::task(rate = "10/fortnight")]
async fn unknown_unit() {}

#[ltq::task(rate = "5/0s")]
async fn no_duration() {}

fn main() {}
