struct State<T>(T);
struct Context;

#[ltq::task]
async fn my_task(pool: State<u8>, ctx: Context) {}

fn main() {}
