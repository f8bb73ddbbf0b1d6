#[ltq::task]
async fn my_task() -> Result<Repo, Error> {
    unimplemented!()
}

fn main() {}
