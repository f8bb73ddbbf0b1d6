//! Sends a message: `cargo run --bin send -- Ada`

use {crate}::greet;
use ltq::TaskResult;

#[tokio::main]
async fn main() -> TaskResult {
    let name = std::env::args().nth(1).unwrap_or_else(|| "World".to_owned());
    // To the server that LTQ_URL names, else to redis://localhost:6379.
    let id = greet.send(name).await?;
    println!("sent {id}");
    Ok(())
}
