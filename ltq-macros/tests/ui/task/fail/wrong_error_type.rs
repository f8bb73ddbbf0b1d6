#[ltq::task]
async fn my_task(id: u64) -> Result<(), String> {
    Ok(())
}

fn main() {}
