//! `cargo run -p examples --bin app`: two workers, two queues, one shared value.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use examples::app::{Totals, app, render_report, send_mail};
use examples::until_empty;
use ltq::{Shutdown, State, TaskResult};

#[tokio::main]
async fn main() -> TaskResult {
    let client = ltq::connect("memory://").await?;
    let shutdown = Shutdown::new();
    let totals = State::new(Totals::default());
    let app = app(totals.clone());
    for worker in app.workers() {
        println!("worker {} serves {}", worker.name(), worker.queue_names().join(", "));
    }
    let app = tokio::spawn(app.run_until(client.clone(), shutdown.clone()));

    send_mail.send_bulk((1..=50).map(|n| send_mail.message(format!("user-{n}@example.org")))).await?;
    render_report.send_bulk((1..=10).map(|pages| render_report.message(pages))).await?;
    until_empty(&client, "app-mail").await?;
    until_empty(&client, "app-reports").await?;
    // One request stops both.
    shutdown.request();
    app.await??;

    let (mails, pages) = totals.all();
    println!("{mails} mails sent, {pages} pages rendered");
    Ok(())
}
