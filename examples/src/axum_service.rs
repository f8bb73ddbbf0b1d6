//! How does a web service send tasks? `cargo run -p examples --bin axum_service`
//!
//! Its handlers send with a client that lies in axum's state, so the service has no globals and a test can give it a client
//! of its own. Here the worker runs in the same program and shares a value with the service; with a `redis://` address it
//! would usually be a program of its own, started by `ltq run`.

use std::sync::{Mutex, PoisonError};

use axum::extract;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use ltq::{Client, State, Worker};
use serde::Deserialize;

/// What has been done. It stands for a database that both the service and the tasks use.
#[derive(Debug, Default)]
pub struct Greetings {
    lines: Mutex<Vec<String>>,
}

/// Writes one greeting.
#[ltq::task(queue = "axum_service")]
pub async fn greet(greetings: State<Greetings>, name: String) {
    greetings.lines.lock().unwrap_or_else(PoisonError::into_inner).push(format!("Hello, {name}!"));
}

/// The worker.
pub fn worker(greetings: State<Greetings>) -> Worker {
    Worker::new("axum_service").shared_state(greetings)
}

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct Service {
    /// Sends. It is cheap to clone; all clones use the same connections.
    pub client: Client,
    /// The value that the worker has too.
    pub greetings: State<Greetings>,
}

/// The service: `POST /greetings` sends a task, `GET /greetings` shows what came of them.
pub fn router(service: Service) -> Router {
    Router::new().route("/greetings", post(order).get(list)).with_state(service)
}

/// What `POST /greetings` takes.
#[derive(Debug, Deserialize)]
struct Order {
    name: String,
}

/// Answers as soon as the queue has the message, with its id; the work is done later.
async fn order(
    extract::State(service): extract::State<Service>,
    Json(order): Json<Order>,
) -> Result<(StatusCode, String), (StatusCode, String)> {
    match service.client.send(greet.message(order.name)).await {
        Ok(id) => Ok((StatusCode::ACCEPTED, id.to_string())),
        // The queue is away; the caller may try again.
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
}

async fn list(extract::State(service): extract::State<Service>) -> Json<Vec<String>> {
    Json(service.greetings.lines.lock().unwrap_or_else(PoisonError::into_inner).clone())
}
