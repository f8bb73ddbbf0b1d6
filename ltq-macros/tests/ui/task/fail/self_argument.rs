struct Service;

impl Service {
    #[ltq::task]
    async fn my_task(&self, id: u64) {}
}

fn main() {}
