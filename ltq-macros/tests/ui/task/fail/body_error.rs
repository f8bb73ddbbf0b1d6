#[ltq::task]
async fn my_task(id: u64) -> ltq::TaskResult<u64> {
    let text: String = id;
    Ok(text)
}

fn main() {}
