#[ltq::task]
async fn my_task(#[cfg(unix)] id: u64, #[serde(default)] ctx: ltq::Context, #[serde(rename = "x")] name: String) {}

fn main() {}
