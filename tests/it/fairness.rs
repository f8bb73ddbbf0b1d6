//! Queues of one worker get equal shares of its slots, and what a full worker knows of a queue reaches an idle one.

use std::sync::Mutex;
use std::time::Duration;

use ltq::{Client, Context, State, Task as _, Worker};
use ltq_tests::bare;
use ltq_tests::conformance::eventually;
use ltq_tests::redis_server::RedisServer;
use tokio::sync::Semaphore;

use crate::support::{Running, stats_show};

/// What started, in order: the queue and a number.
#[derive(Default)]
struct Order(Mutex<Vec<(String, u32)>>);

impl Order {
    /// Where in the order the messages of a queue stand.
    fn places(&self, queue: &str) -> Vec<usize> {
        let order = self.0.lock().unwrap();
        order.iter().enumerate().filter(|(_, (of, _))| of == queue).map(|(place, _)| place).collect()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Long enough that nothing is taken ahead of a slot.
#[ltq::task(queue = "fair")]
async fn noted(order: State<Order>, ctx: Context, number: u32) {
    order.0.lock().unwrap().push((ctx.queue().to_owned(), number));
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Closed until a permit is added.
struct Gate(Semaphore);

#[ltq::task(queue = "held")]
async fn held(order: State<Order>, gate: State<Gate>) {
    order.0.lock().unwrap().push(("held".to_owned(), 0));
    gate.0.acquire().await.unwrap().forget();
}

fn worker(queues: &[&str], order: &State<Order>) -> Worker {
    let gate = State::new(Gate(Semaphore::new(0)));
    let tasks = [noted::DEF, held::DEF];
    Worker::for_tasks("w", tasks)
        .queues(queues.iter().copied())
        .queue("fair")
        .concurrency(1)
        .shared_state(order.clone())
        .shared_state(gate)
}

async fn send(client: &Client, queue: &'static str, count: u32) {
    client.send_bulk((0..count).map(|number| noted.message(number).on_queue(queue))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slot_serves_a_small_queue_in_turn_with_a_backlog() {
    const BACKLOG: u32 = 200;
    const SMALL: u32 = 20;
    let server = RedisServer::start();
    for (round, queues) in [["backlog", "small"], ["small", "backlog"]].into_iter().enumerate() {
        let client = Client::builder().namespace(format!("round{round}")).connect(&server.url()).await.unwrap();
        let order = State::new(Order::default());
        send(&client, "backlog", BACKLOG).await;
        send(&client, "small", SMALL).await;
        let running = Running::start(worker(&queues, &order), &client);
        stats_show(&client, "backlog", |stats| stats.counts.done == u64::from(BACKLOG)).await;
        stats_show(&client, "small", |stats| stats.counts.done == u64::from(SMALL)).await;
        running.stop().await;
        for (nth, place) in order.places("small").into_iter().enumerate() {
            // Every second slot, give or take a message at hand.
            assert!(place <= 2 * nth + 4, "{queues:?}: number {nth} of the small queue was run {place}th");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_later_does_not_wait_for_the_backlog() {
    const BACKLOG: u32 = 400;
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let order = State::new(Order::default());
    send(&client, "backlog", BACKLOG).await;
    let running = Running::start(worker(&["backlog", "late"], &order), &client);
    eventually(async || (order.len() > 20).then_some(())).await;
    send(&client, "late", 1).await;
    let sent = order.len();
    stats_show(&client, "late", |stats| stats.counts.done == 1).await;
    let place = order.places("late")[0];
    assert!(place < sent + 100, "sent after {sent} runs, run {place}th");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_time_that_only_a_full_worker_knows_reaches_an_idle_one() {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let order = State::new(Order::default());
    // Whoever waits first is woken first.
    let full = Running::start(worker(&["delayed", "held"], &order), &client);
    waits(&server, 3).await;
    let idle = Running::start(worker(&["delayed"], &order), &client);
    waits(&server, 5).await;
    let marker = Running::start(worker(&["marker"], &order), &client);
    waits(&server, 7).await;

    client.send(noted.message(0_u32).on_queue("delayed").delay(Duration::from_millis(500))).await.unwrap();
    client.send(held.message()).await.unwrap();
    eventually(async || order.places("held").first().copied()).await;
    // Due a second after the other: no measure of time, only of which is first.
    client.send(noted.message(0_u32).on_queue("marker").delay(Duration::from_millis(1_500))).await.unwrap();
    stats_show(&client, "marker", |stats| stats.counts.done == 1).await;
    stats_show(&client, "delayed", |stats| stats.counts.done == 1).await;
    assert!(order.places("delayed") < order.places("marker"), "the message waited although a worker was idle");
    for running in [full, idle, marker] {
        running.stop_now().await;
    }
}

/// Waits until so many connections wait for tokens.
async fn waits(server: &RedisServer, count: usize) {
    let client = bare::connect(server.port()).await;
    eventually(async || {
        let info = bare::info(&client, "clients").await;
        (bare::field(&info, "blocked_clients")?.parse::<usize>().ok()? >= count).then_some(())
    })
    .await;
}
