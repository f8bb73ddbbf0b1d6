//! What keeps a worker from starting: each mistake has its own message, which says what to do.

use ltq::{BoxError, Client, Delivery, Output, Shutdown, State, Task, Worker, WorkerError};
use ltq_core::BoxFuture;
use ltq_core::broker::memory::MemoryBroker;
use ltq_core::client::BrokerAccess as _;
use ltq_core::task::TaskDef;

#[ltq::task(queue = "start", name = "start.plain")]
async fn plain() {}

/// What `needy` wants.
struct Pool;

#[ltq::task(queue = "start", name = "start.needy")]
async fn needy(_pool: State<Pool>) {}

fn nothing(_: Delivery) -> BoxFuture<'static, Result<Output, BoxError>> {
    Box::pin(async { Ok(Output::default()) })
}

static ONE: TaskDef = TaskDef::new("same", "app::one::same", nothing).at("src/one.rs", 7).queue("start");
static OTHER: TaskDef = TaskDef::new("same", "app::other::same", nothing).at("src/other.rs", 9).queue("start");

/// Why the worker does not start.
async fn mistake(worker: Worker) -> (WorkerError, String) {
    let client = Client::on(MemoryBroker::private());
    let error = worker.run_until(client, Shutdown::new()).await.unwrap_err();
    let text = error.to_string();
    (error, text)
}

#[tokio::test]
async fn no_task() {
    let (error, text) = mistake(Worker::for_tasks("w", [])).await;
    assert!(matches!(error, WorkerError::NoTasks { .. }) && text.contains("#[ltq::task]"), "{text}");
}

#[tokio::test]
async fn no_task_uses_its_queues() {
    let (error, text) = mistake(Worker::for_tasks("w", [plain::DEF]).queues(["strat"])).await;
    assert!(matches!(error, WorkerError::NoTasks { .. }), "{text}");
    assert!(text.contains("`strat`") && text.contains("`start`"), "{text}");
}

#[tokio::test]
async fn a_missing_state() {
    let (error, text) = mistake(Worker::for_tasks("w", [plain::DEF, needy::DEF])).await;
    assert!(matches!(error, WorkerError::MissingState(_)), "{text}");
    assert!(text.contains("start.needy") && text.contains("Pool") && text.contains(".state("), "{text}");
}

#[tokio::test]
async fn two_tasks_of_one_name() {
    let (error, text) = mistake(Worker::for_tasks("w", [&ONE, &OTHER])).await;
    assert!(matches!(error, WorkerError::DuplicateTask(_)), "{text}");
    assert!(text.contains("src/one.rs:7") && text.contains("src/other.rs:9"), "{text}");
}

#[tokio::test]
async fn a_queue_that_cannot_be_called_that() {
    let (error, text) = mistake(Worker::for_tasks("w", [plain::DEF]).queue("a b")).await;
    assert!(matches!(error, WorkerError::InvalidQueueName(_)) && text.contains("`a b`"), "{text}");
}

#[tokio::test]
async fn no_slots() {
    let (error, text) = mistake(Worker::for_tasks("w", [plain::DEF]).concurrency(0)).await;
    assert!(matches!(error, WorkerError::InvalidOption { .. }) && text.contains("concurrency"), "{text}");
}
