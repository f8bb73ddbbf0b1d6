mod tasks {
    #[derive(serde::Serialize)]
    struct Repo;

    #[ltq::task]
    pub async fn my_task() -> Option<Repo> {
        None
    }
}

fn main() {}
