//! A permission that is withdrawn while a worker runs closes the queues that need it; the others are served on.

use std::time::Duration;

use ltq::{Client, NotReady, State, Task as _, Worker, WorkerError};
use ltq_tests::bare;
use ltq_tests::conformance::eventually;
use ltq_tests::ledger::LedgerFile;
use ltq_tests::program::{PATIENCE, Program};
use ltq_tests::redis_server::RedisServer;
use ltq_tests::tasks;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::support::{Running, stats_show};

/// What sysexits calls a service that is unavailable.
const UNAVAILABLE: i32 = 69;

/// Closed until a permit is added.
struct Gate(Semaphore);

#[ltq::task(queue = "good")]
async fn plain() {}

#[ltq::task(queue = "bad")]
async fn held(gate: State<Gate>) {
    gate.0.acquire().await.unwrap().forget();
}

/// A server with a user who may do all, and that user's address.
fn server() -> (RedisServer, String) {
    let user = ["--user", "worker", ">secret", "on", "+@all", "~*", "&*"];
    let server = user.into_iter().fold(RedisServer::options(), |options, word| options.arg(word)).start();
    let url = format!("redis://worker:secret@127.0.0.1:{}", server.port());
    (server, url)
}

/// Lets the user see these keys and no others.
async fn permit(server: &RedisServer, keys: &str) {
    bare::ask(server.port(), &format!("ACL SETUSER worker resetkeys {keys}")).await.unwrap();
}

fn worker(queue: &str, gate: &State<Gate>) -> Worker {
    Worker::for_tasks("w", [plain::DEF, held::DEF])
        .queues([queue])
        .lease(Duration::from_secs(1))
        .shared_state(gate.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_refused_is_closed_and_the_other_goes_on() {
    let (server, url) = server();
    let admin = Client::connect(&server.url()).await.unwrap();
    let gate = State::new(Gate(Semaphore::new(0)));
    let both = worker("bad", &gate).queue("good");
    let health = both.health();
    let running = Running::start(both, &Client::connect(&url).await.unwrap());
    admin.send(held.message()).await.unwrap();
    stats_show(&admin, "bad", |stats| stats.active == 1).await;

    permit(&server, "~{ltq:good}:* ~ltq:queues").await;
    gate.0.add_permits(1);
    let why = eventually(async || health.not_ready().filter(|why| matches!(why, NotReady::QueueClosed { .. }))).await;
    let text = why.to_string();
    assert!(text.contains("`bad`") && text.contains("NOPERM") && text.contains("grant"), "{text}");
    admin.send_bulk((0..500).map(|_| plain.message())).await.unwrap();
    stats_show(&admin, "good", |stats| stats.counts.done == 500).await;

    // Its lease is not renewed, so what it held of the closed queue comes to others.
    gate.0.add_permits(1);
    let other = Running::start(worker("bad", &gate), &admin);
    let stats = stats_show(&admin, "bad", |stats| stats.counts.done == 1).await;
    assert_eq!((stats.counts.recovered, stats.active, stats.ready), (1, 0, 0), "{stats:?}");
    other.stop().await;

    permit(&server, "").await;
    let error = running.ended().await.unwrap_err();
    assert!(matches!(&error, WorkerError::QueuesClosed { queue, .. } if queue == "good"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_queue_ends_as_unavailable() {
    let (server, url) = server();
    let dir = TempDir::with_prefix("ltq-test-").unwrap();
    let mut worker = Program::new(env!("CARGO_BIN_EXE_test-worker"))
        .args(["--url", &url])
        .env(LedgerFile::ENV, dir.path().join("ledger"))
        .start();
    worker.wait_for("worker started").await;
    permit(&server, "").await;
    let client = Client::connect(&server.url()).await.unwrap();
    client.send(tasks::work.message("1".to_owned(), 0_u64)).await.unwrap();
    worker.expect_exit(PATIENCE, UNAVAILABLE).await;
    let output = worker.output();
    assert!(output.contains("no queue is left to serve") && output.contains("+evalsha"), "{output}");
}
