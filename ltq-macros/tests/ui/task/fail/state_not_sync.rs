use std::cell::Cell;

#[ltq::task]
async fn my_task(_counter: ltq::State<Cell<u8>>) {}

fn main() {}
