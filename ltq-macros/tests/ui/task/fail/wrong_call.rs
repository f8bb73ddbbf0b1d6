#[ltq::task]
async fn my_task(_id: u64, _name: String) {}

fn main() {
    let _ = my_task.message("1", "name");
    let _ = my_task.message(1);
    let _ = my_task(1);
}
