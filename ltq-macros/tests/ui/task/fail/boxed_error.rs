#[ltq::task]
async fn my_task(_id: u64) -> Result<(), Box<dyn std::error::Error>> {
    Ok(())
}

fn main() {}
