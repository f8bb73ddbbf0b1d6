mod tasks {
    struct Pool;

    #[ltq::task]
    pub async fn my_task(_pool: ltq::State<Pool>) {}
}

fn main() {}
