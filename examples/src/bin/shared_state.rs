//! `cargo run -p examples --bin shared_state`: a hundred tasks count into one value.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use examples::shared_state::{Visits, visit, worker};
use examples::until_empty;
use ltq::{Shutdown, State, TaskResult};

#[tokio::main]
async fn main() -> TaskResult {
    let client = ltq::connect("memory://").await?;
    let shutdown = Shutdown::new();
    let visits = State::new(Visits::default());
    let worker = tokio::spawn(worker(visits.clone()).run_until(client.clone(), shutdown.clone()));

    let pages = ["/", "/news", "/", "/about"].into_iter().cycle().take(100);
    visit.send_bulk(pages.map(|page| visit.message(page))).await?;
    until_empty(&client, "shared_state").await?;
    shutdown.request();
    worker.await??;

    for (page, count) in visits.all() {
        println!("{page}: {count}");
    }
    // Without a queue a task is the function it was; the state is an argument as any other.
    println!("one more makes {}", visit(visits, "/news".to_owned()).await);
    Ok(())
}
