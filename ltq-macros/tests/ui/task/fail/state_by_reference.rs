#[ltq::task]
async fn my_task(pool: &ltq::State<u8>, ctx: &mut ltq::Context, all: ltq::State) {}

fn main() {}
