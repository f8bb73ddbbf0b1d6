use ltq::Context;

#[ltq::task]
async fn my_task(ctx: Context, again: Context) {}

fn main() {}
