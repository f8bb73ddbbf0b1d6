#[ltq::task]
pub struct MyTask;

#[ltq::task]
mod tasks {}

trait Tasks {
    #[ltq::task]
    async fn my_task();
}

fn main() {}
