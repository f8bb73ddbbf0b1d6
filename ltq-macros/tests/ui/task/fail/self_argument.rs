struct Service;

impl Service {
    #[ltq::task]
    async fn my_task(&self, _id: u64) {}
}

fn main() {}
