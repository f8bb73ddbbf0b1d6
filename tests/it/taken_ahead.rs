//! Messages a worker takes before it has a slot for them are lost to nobody.

use std::sync::Mutex;
use std::time::Duration;

use ltq::{Client, Context, State, Task as _, Worker};
use ltq_tests::redis_server::RedisServer;
use tokio::sync::Semaphore;

use crate::support::{Running, stats_show};

/// Short tasks before the one that turns slow: enough that the worker takes many ahead.
const SHORT: u32 = 5_000;
/// Short tasks behind it.
const BEHIND: u32 = 50;

/// Closed until a permit is added.
struct Gate(Semaphore);

/// What ran, in order: its number, attempt and delivery.
#[derive(Default)]
struct Runs(Mutex<Vec<(u32, u32, u64)>>);

#[ltq::task(queue = "ahead")]
async fn short(runs: State<Runs>, ctx: Context, number: u32) {
    runs.0.lock().unwrap().push((number, ctx.attempt(), ctx.delivery()));
}

#[ltq::task(queue = "ahead")]
async fn held(gate: State<Gate>) {
    gate.0.acquire().await.unwrap().forget();
}

/// A worker with one slot, which is held by a task, while others wait behind that.
async fn stuck(client: &Client, gate: &State<Gate>, runs: &State<Runs>) -> Running {
    let first = (0..SHORT).map(|number| short.message(number));
    let behind = (SHORT..SHORT + BEHIND).map(|number| short.message(number));
    client.send_bulk(first.chain([held.message()]).chain(behind)).await.unwrap();
    let running = Running::start(worker(gate, runs), client);
    stats_show(client, "ahead", |stats| stats.counts.done == u64::from(SHORT)).await;
    running
}

fn worker(gate: &State<Gate>, runs: &State<Runs>) -> Worker {
    Worker::for_tasks("w", [short::DEF, held::DEF])
        .concurrency(1)
        .shutdown_timeout(Duration::ZERO)
        .shared_state(gate.clone())
        .shared_state(runs.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_behind_a_task_that_turned_slow_goes_to_an_idle_worker() {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let (gate, runs) = (State::new(Gate(Semaphore::new(0))), State::new(Runs::default()));
    let first = stuck(&client, &gate, &runs).await;
    let second = Running::start(worker(&gate, &runs), &client);
    let stats = stats_show(&client, "ahead", |stats| stats.counts.done == u64::from(SHORT + BEHIND)).await;
    assert_eq!((stats.active, stats.ready), (1, 0), "{stats:?}");
    gate.0.add_permits(1);
    stats_show(&client, "ahead", |stats| stats.active == 0).await;
    for running in [first, second] {
        running.stop().await;
    }
    // Among two workers there is no order.
    runs.0.lock().unwrap().sort_unstable();
    once_in_order(&runs);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_a_worker_stops_goes_back_as_it_came() {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let (gate, runs) = (State::new(Gate(Semaphore::new(0))), State::new(Runs::default()));
    stuck(&client, &gate, &runs).await.stop().await;
    let stats = stats_show(&client, "ahead", |stats| stats.active == 0).await;
    assert_eq!(stats.ready, u64::from(BEHIND) + 1, "{stats:?}");
    gate.0.add_permits(1);
    let running = Running::start(worker(&gate, &runs), &client);
    stats_show(&client, "ahead", |stats| stats.counts.done == u64::from(SHORT + BEHIND) + 1).await;
    running.stop().await;
    once_in_order(&runs);
}

fn once_in_order(runs: &State<Runs>) {
    let expected: Vec<_> = (0..SHORT + BEHIND).map(|number| (number, 1, 1)).collect();
    assert!(*runs.0.lock().unwrap() == expected, "something ran twice, out of order, or was charged");
}
