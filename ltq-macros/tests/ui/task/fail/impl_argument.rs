#[ltq::task]
async fn my_task(name: impl Into<String>, names: Vec<_>) -> impl Send {}

fn main() {}
