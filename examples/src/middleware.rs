//! How is something done around every task, and around every send? `cargo run -p examples --bin middleware`
//!
//! A request id travels with each message: the sender's middleware puts it in, the worker's takes it out and names it in
//! what it logs. Neither the tasks nor the code that sends knows about it.
#![expect(clippy::print_stdout, reason = "the output is the point")]

use ltq::middleware::{Middleware, Next};
use ltq::{BoxError, Delivery, Message, Output, RejectMessage, SendMiddleware, Sent, TaskResult, Worker};

const REQUEST_ID: &str = "request_id";

/// Sending: puts the id of the request being served into each message.
#[derive(Debug)]
pub struct SendRequestId;

impl SendMiddleware for SendRequestId {
    fn before_send(&self, message: Message) -> Result<Message, BoxError> {
        // A real service has it in a task-local value.
        Ok(message.carry(REQUEST_ID, "r-42")?)
    }

    fn after_send(&self, sent: &Sent<'_>) {
        println!("sent {} to {}", sent.ids.len(), sent.queue);
    }
}

/// Sending: refuses what must not leave this program.
#[derive(Debug)]
pub struct NoInternalTasks;

impl SendMiddleware for NoInternalTasks {
    fn before_send(&self, message: Message) -> Result<Message, BoxError> {
        if message.task().ends_with("::cleanup") {
            return Err("only the scheduler cleans up".into());
        }
        Ok(message)
    }
}

/// Running: says for which request a task ran, and how it ended.
#[derive(Debug)]
pub struct LogRequest;

impl Middleware for LogRequest {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        let context = delivery.context().clone();
        let request: String = context.get(REQUEST_ID)?.unwrap_or_default();
        println!("{request}: attempt {} begins", context.attempt());
        let result = next.run(delivery).await;
        match &result {
            Ok(_) => println!("{request}: attempt {} is done", context.attempt()),
            Err(error) => println!("{request}: attempt {} ends: {error}", context.attempt()),
        }
        result
    }
}

/// Succeeds at the second attempt.
#[ltq::task(queue = "middleware", backoff = "1ms..5ms")]
pub async fn resize(ctx: ltq::Context, image: String) -> TaskResult {
    if ctx.attempt() == 1 {
        return Err(std::io::Error::other(format!("{image} is locked")).into());
    }
    Ok(())
}

/// Is not for everybody to send.
#[ltq::task(queue = "middleware")]
pub async fn cleanup() -> Result<(), RejectMessage> {
    Err(RejectMessage::new("nothing to clean up"))
}

/// The worker. `LogRequest` stands inside the `Retry` a worker begins with, so it sees each attempt's own error; with
/// `.middleware_before::<Retry>(LogRequest)` it would see what `Retry` made of it.
#[ltq::worker]
pub fn worker() -> Worker {
    Worker::new("middleware").middleware(LogRequest)
}
