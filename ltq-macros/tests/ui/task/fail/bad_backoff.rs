#[ltq::task(backoff = "1s")]
async fn no_range() {}

#[ltq::task(backoff = "60s..1s")]
async fn reversed() {}

#[ltq::task(backoff = "0s..1s")]
async fn zero() {}

fn main() {}
