use std::collections::HashMap;

#[ltq::task(que = "a", timeout = "x")]
fn my_task<T>((a, b): (u8, T), names: &[String], map: HashMap<u8, u8>) -> impl Sized {}

fn main() {
    let _ = my_task.send(1, 2, 3);
}
