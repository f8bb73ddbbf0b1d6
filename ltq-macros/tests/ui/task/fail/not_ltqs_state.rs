struct State<T>(T);
struct Context;

#[ltq::task]
async fn my_task(_pool: State<u8>, _ctx: Context) {}

fn main() {}
