struct Repo;

#[ltq::task]
async fn my_task(_id: u64, _repo: Repo) {}

fn main() {
    let _ = my_task.message(1, Repo);
}
