struct Repo;

#[ltq::task]
async fn my_task(id: u64, repo: Repo) {}

fn main() {
    let _ = my_task.message(1, Repo);
}
