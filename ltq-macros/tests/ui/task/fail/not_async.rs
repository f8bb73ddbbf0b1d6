#[ltq::task]
fn my_task(id: u64) {}

fn main() {
    let _ = my_task.message(1);
}
