#[ltq::task(name = "")]
async fn empty() {}

#[ltq::task(name = "monthly report")]
async fn spaced() {}

#[ltq::task(queue = "reports{eu}")]
async fn braced() {}

fn main() {}
