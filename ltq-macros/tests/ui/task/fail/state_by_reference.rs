use ltq::{Context, State};

#[ltq::task]
async fn my_task(pool: &State<u8>, ctx: &mut Context, all: State) {}

fn main() {}
