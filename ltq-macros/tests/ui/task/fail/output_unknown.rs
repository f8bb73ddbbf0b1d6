#[ltq::task]
async fn my_task() -> Result<Repo, Error> {
    todo()
}

fn main() {}
