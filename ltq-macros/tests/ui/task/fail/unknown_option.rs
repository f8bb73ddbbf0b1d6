#[ltq::task(max_attemps = 5, colour = "red")]
async fn my_task(_id: u64) {}

fn main() {
    let _ = my_task.message(1);
}
