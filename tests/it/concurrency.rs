//! How a worker shares its slots: no message waits for another's end, no queue for another's backlog.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ltq::{Client, Context, Shutdown, State, Task, Worker, WorkerError};
use ltq_core::broker::WorkerId;
use ltq_core::broker::memory::MemoryBroker;
use ltq_core::client::BrokerAccess as _;
use ltq_core::message::QueueName;
use ltq_tests::conformance::{eventually, in_time};
use ltq_tests::redis_server::RedisServer;
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinHandle;

use crate::support::{Running, stats_show};

/// Closed until a permit is added.
struct Gate(Semaphore);

#[ltq::task(queue = "slots")]
async fn slow(gate: State<Gate>) {
    gate.0.acquire().await.unwrap().forget();
}

#[ltq::task(queue = "slots")]
async fn fast() {}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_task_delays_no_other() {
    let client = Client::on(MemoryBroker::private());
    let gate = State::new(Gate(Semaphore::new(0)));
    let worker = Worker::for_tasks("w", [slow::DEF, fast::DEF]).concurrency(10).shared_state(gate.clone());
    let running = Running::start(worker, &client);
    client.send(slow.message()).await.unwrap();
    client.send_bulk((0..1_000).map(|_| fast.message())).await.unwrap();
    let stats = stats_show(&client, "slots", |stats| stats.counts.done == 1_000).await;
    assert_eq!((stats.active, stats.ready), (1, 0), "{stats:?}");
    gate.0.add_permits(1);
    stats_show(&client, "slots", |stats| stats.counts.done == 1_001).await;
    running.stop().await;
}

const SLOTS: usize = 7;

/// Where runs meet, and how many there are and were at most.
struct Crowd {
    all: Barrier,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[ltq::task(queue = "crowd")]
async fn meets(crowd: State<Crowd>) {
    let now = crowd.now.fetch_add(1, Ordering::SeqCst) + 1;
    crowd.most.fetch_max(now, Ordering::SeqCst);
    // Nobody passes unless as many run at once as may.
    crowd.all.wait().await;
    crowd.now.fetch_sub(1, Ordering::SeqCst);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_run_at_once_as_may_and_never_more() {
    let client = Client::on(MemoryBroker::private());
    let crowd = State::new(Crowd { all: Barrier::new(SLOTS), now: AtomicUsize::new(0), most: AtomicUsize::new(0) });
    let worker = Worker::for_tasks("w", [meets::DEF]).concurrency(SLOTS).shared_state(crowd.clone());
    let running = Running::start(worker, &client);
    client.send_bulk((0..SLOTS * 100).map(|_| meets.message())).await.unwrap();
    stats_show(&client, "crowd", |stats| stats.counts.done == 700).await;
    assert_eq!(crowd.most.load(Ordering::SeqCst), SLOTS);
    running.stop().await;
}

/// What ran, in order.
#[derive(Default)]
struct Order(Mutex<Vec<(String, u32)>>);

#[ltq::task(queue = "ordered")]
async fn noted(order: State<Order>, ctx: Context, number: u32) {
    order.0.lock().unwrap().push((ctx.queue().to_owned(), number));
    tokio::task::yield_now().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_does_not_starve_another_queue() {
    const BACKLOG: u32 = 5_000;
    let client = Client::on(MemoryBroker::private());
    let order = State::new(Order::default());
    let queues = ["backlog", "small", "tiny"];
    client.send_bulk((0..BACKLOG).map(|number| noted.message(number).on_queue("backlog"))).await.unwrap();
    client.send_bulk((0..50).map(|number| noted.message(number).on_queue("small"))).await.unwrap();
    client.send(noted.message(0_u32).on_queue("tiny")).await.unwrap();
    let worker = Worker::for_tasks("w", [noted::DEF]).queues(queues).queue("ordered");
    let running = Running::start(worker.concurrency(4).shared_state(order.clone()), &client);
    stats_show(&client, "backlog", |stats| stats.counts.done == u64::from(BACKLOG)).await;
    running.stop().await;

    let order = order.0.lock().unwrap();
    assert_eq!(order.len(), 5_051);
    for queue in ["small", "tiny"] {
        let last = order.iter().rposition(|(ran, _)| ran == queue).unwrap();
        assert!(last < order.len() / 2, "`{queue}` ended after {last} of {}", order.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delayed_messages_run_in_the_order_of_their_times() {
    let client = Client::on(MemoryBroker::private());
    let order = State::new(Order::default());
    let worker = Worker::for_tasks("w", [noted::DEF]).concurrency(1).shared_state(order.clone());
    let running = Running::start(worker, &client);
    // 7 and 20 have no common factor, so each number comes once, out of order.
    let numbers = (0..20_u32).map(|step| step * 7 % 20);
    let delay = |number: u32| Duration::from_millis(50 + 5 * u64::from(number));
    client.send_bulk(numbers.map(|number| noted.message(number).delay(delay(number)))).await.unwrap();
    stats_show(&client, "ordered", |stats| stats.counts.done == 20).await;
    running.stop().await;
    let ran: Vec<_> = order.0.lock().unwrap().iter().map(|(_, number)| *number).collect();
    assert_eq!(ran, (0..20).collect::<Vec<_>>());
}

/// Blocks its thread, as code that does not await does.
struct Blocker {
    blocked: AtomicUsize,
    released: Mutex<Receiver<()>>,
}

#[ltq::task(queue = "blocks")]
async fn blocks(blocker: State<Blocker>) {
    blocker.blocked.fetch_add(1, Ordering::SeqCst);
    // Ends when the other side is dropped.
    let _ = blocker.released.lock().unwrap().recv();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_blocks_the_runtime_does_not_lose_its_lease() {
    const LEASE: Duration = Duration::from_secs(2);
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let (release, released) = mpsc::channel();
    let blocker = Arc::new(Blocker { blocked: AtomicUsize::new(0), released: Mutex::new(released) });
    let shutdown = Shutdown::new();
    let worker = Worker::for_tasks("w", [blocks::DEF]).lease(LEASE).shared_state(Arc::clone(&blocker).into());
    let worker = run_on_one_thread(worker, server.url(), shutdown.clone());
    client.send(blocks.message()).await.unwrap();
    // The worker's only thread stands still for longer than its lease, which nobody else sees run out.
    eventually(async || (blocker.blocked.load(Ordering::SeqCst) == 1).then_some(())).await;
    let (queue, watcher) = (QueueName::new("blocks").unwrap(), WorkerId::from_name("watcher"));
    let since = Instant::now();
    while since.elapsed() < LEASE + LEASE / 2 {
        let seen = client.broker().renew(&queue, &watcher, LEASE).await.unwrap();
        assert_eq!((seen.expired, seen.next_expiry.is_some()), (Vec::new(), true));
        tokio::time::sleep(LEASE / 40).await;
    }
    drop(release);
    let stats = stats_show(&client, "blocks", |stats| stats.counts.done == 1).await;
    assert_eq!((stats.counts.refused, stats.counts.recovered), (0, 0), "{stats:?}");
    shutdown.request();
    in_time(worker).await.unwrap().unwrap();
}

/// Runs a worker on a runtime of its own that has a single thread.
fn run_on_one_thread(worker: Worker, url: String, shutdown: Shutdown) -> JoinHandle<Result<(), WorkerError>> {
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { worker.run_until(Client::connect(&url).await?, shutdown).await })
    })
}
