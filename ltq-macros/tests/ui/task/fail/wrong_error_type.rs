#[ltq::task]
async fn my_task(_id: u64) -> Result<(), String> {
    Ok(())
}

fn main() {}
