#[ltq::task]
async fn my_task((a, b): (u8, u8), _: u8, my_task: u8) {}

fn main() {}
