struct Repo;

#[ltq::task]
async fn my_task(_id: u64) -> Repo {
    Repo
}

#[ltq::task(blocking)]
fn my_result(_id: u64) -> std::io::Result<Vec<Repo>> {
    Ok(vec![])
}

fn main() {
    let _ = my_task.message(1);
}
