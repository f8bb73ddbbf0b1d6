mod tasks {
    struct Pool;

    #[ltq::task]
    pub async fn my_task(pool: ltq::State<Pool>) {}
}

fn main() {}
