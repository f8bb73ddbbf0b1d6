//! `cargo run -p examples --bin axum_service`: a web service and its worker, and one caller.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use std::future::IntoFuture as _;

use examples::axum_service::{Greetings, Service, router, worker};
use examples::until_empty;
use ltq::{Client, Shutdown, State, TaskResult};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> TaskResult {
    let client = Client::connect("memory://axum_service").await?;
    let greetings = State::new(Greetings::default());
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(worker(greetings.clone()).run_until(client.clone(), shutdown.clone()));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/greetings", listener.local_addr()?);
    let router = router(Service { client: client.clone(), greetings });
    // One request to stop ends both, the service and the worker.
    let stop = shutdown.clone();
    let service = axum::serve(listener, router).with_graceful_shutdown(async move { stop.requested().await });
    let service = tokio::spawn(service.into_future());

    // The caller. Without this line it would have no cryptography for https; it fails only if there is some already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let answer = http.post(&url).json(&serde_json::json!({ "name": "Ada" })).send().await?;
    println!("POST /greetings: {}", answer.status());
    until_empty(&client, "axum_service").await?;
    println!("GET /greetings: {}", http.get(&url).send().await?.text().await?);

    // Connections that are kept open for more requests would hold up the service.
    drop(http);
    shutdown.request();
    service.await??;
    worker.await??;
    println!("stopped");
    Ok(())
}
