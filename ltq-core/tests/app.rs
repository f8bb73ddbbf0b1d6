//! Several workers in one process, on the broker in memory, with tasks described by hand.
#![cfg(feature = "worker")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic as the tests do")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};

use ltq_core::broker::memory::MemoryBroker;
use ltq_core::client::{BrokerAccess as _, Client};
use ltq_core::message::Message;
use ltq_core::middleware::{Middleware, Next, RateLimit, Retry};
use ltq_core::task::{Delivery, Output, Rate, RetryMessage, StateDef, TaskDef, TaskError};
use ltq_core::worker::{App, AppError, Shutdown, Worker, WorkerError};
use ltq_core::{BoxError, BoxFuture};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Outcome = BoxFuture<'static, Result<Output, BoxError>>;
type Notes = UnboundedSender<String>;

/// A value that says whose it is.
struct Owner(&'static str);

/// Notes the task, whose `Owner` it was given, and the thread.
fn note(delivery: Delivery) -> Outcome {
    Box::pin(async move {
        let owner = delivery.states().get::<Owner>().unwrap();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default();
        let text = format!("{} of {} on {thread}", delivery.task().name, owner.0);
        delivery.states().get::<Notes>().unwrap().send(text)?;
        Ok(Output::default())
    })
}

static FIRST: TaskDef = TaskDef::new("first", "tests::first", note);
static SECOND: TaskDef = TaskDef::new("second", "tests::second", note);
static NEEDY: TaskDef = TaskDef::new("needy", "tests::needy", note).states(&[StateDef::of::<Owner>()]);

fn message(task: &'static TaskDef) -> Message {
    Message::new(task.name, task.queue, &BTreeMap::<String, u8>::new())
}

/// A running app.
struct Running {
    client: Client,
    shutdown: Shutdown,
    app: tokio::task::JoinHandle<Result<(), AppError>>,
}

impl Running {
    fn start(app: App) -> Self {
        let (client, shutdown) = (Client::on(MemoryBroker::private()), Shutdown::new());
        let app = tokio::spawn(app.run_until(client.clone(), shutdown.clone()));
        Self { client, shutdown, app }
    }

    async fn stop(self) {
        self.shutdown.request();
        self.app.await.unwrap().unwrap();
    }
}

async fn next(notes: &mut UnboundedReceiver<String>) -> String {
    notes.recv().await.unwrap()
}

#[tokio::test]
async fn workers_share_the_apps_state_unless_they_have_their_own() {
    let (sender, mut notes) = unbounded_channel::<String>();
    let app = App::new()
        .worker(Worker::for_tasks("one", [&FIRST]))
        .worker(Worker::for_tasks("two", [&SECOND]).state(Owner("its worker")))
        .state(sender)
        .state(Owner("the app"));
    let running = Running::start(app);
    running.client.send(message(&FIRST)).await.unwrap();
    assert!(next(&mut notes).await.starts_with("first of the app"));
    running.client.send(message(&SECOND)).await.unwrap();
    assert!(next(&mut notes).await.starts_with("second of its worker"));
    running.stop().await;
}

/// Notes its name on the way in.
struct Pass(&'static str, Arc<Mutex<Vec<String>>>);

impl Middleware for Pass {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        self.1.lock().unwrap().push(format!("{} {}", self.0, delivery.task().name));
        next.run(delivery).await
    }
}

#[tokio::test]
async fn the_apps_middleware_is_outside_that_of_each_worker() {
    let (sender, mut notes) = unbounded_channel::<String>();
    let log = Arc::new(Mutex::new(Vec::new()));
    let pass = |name| Pass(name, Arc::clone(&log));
    let app = App::new()
        .middleware(pass("outer"))
        .worker(Worker::for_tasks("one", [&FIRST]).middleware(pass("one")))
        .worker(Worker::for_tasks("two", [&SECOND]).middleware_before::<Retry>(pass("two")))
        .middleware(pass("inner"))
        .state(Owner("the app"))
        .state(sender);
    let running = Running::start(app);
    for task in [&FIRST, &SECOND] {
        running.client.send(message(task)).await.unwrap();
        next(&mut notes).await;
    }
    running.stop().await;
    let log = log.lock().unwrap().join(", ");
    assert_eq!(log, "outer first, inner first, one first, outer second, inner second, two second");
}

#[tokio::test]
async fn a_limit_of_the_app_is_one_for_all_its_workers() {
    let (sender, mut notes) = unbounded_channel::<String>();
    let app = App::new()
        .worker(Worker::for_tasks("one", [&FIRST]))
        .worker(Worker::for_tasks("two", [&SECOND]))
        .middleware(RateLimit::shared(Rate::new(1, std::time::Duration::from_secs(3600))))
        .state(Owner("the app"))
        .state(sender);
    let running = Running::start(app);
    running.client.send(message(&FIRST)).await.unwrap();
    next(&mut notes).await;
    // The one start of this hour is used up, so the other worker puts its message back.
    running.client.send(message(&SECOND)).await.unwrap();
    while running.client.queue("second").unwrap().stats().await.unwrap().scheduled == 0 {
        tokio::task::yield_now().await;
    }
    assert!(notes.try_recv().is_err());
    running.stop().await;
}

#[tokio::test]
async fn the_first_worker_that_fails_stops_the_others_and_is_named() {
    let app = App::new().worker(Worker::for_tasks("well", [&FIRST])).worker(Worker::for_tasks("bad", [&NEEDY]));
    let running = Running::start(app);
    let error = running.app.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the worker `bad` failed");
    let AppError::Worker { source: WorkerError::MissingState(_), .. } = error else { panic!("{error:?}") };
    // That was not a request of whoever may stop the app.
    assert!(!running.shutdown.is_requested());
}

#[tokio::test]
async fn an_app_without_workers_is_an_error() {
    let error = App::new().run_until(Client::on(MemoryBroker::private()), Shutdown::new()).await.unwrap_err();
    assert!(error.to_string().contains("App::worker"), "{error}");
}

#[tokio::test]
async fn a_worker_may_have_a_runtime_of_its_own() {
    /// Blocks its thread until the other task has run.
    fn block(delivery: Delivery) -> Outcome {
        Box::pin(async move {
            delivery.states().get::<Mutex<mpsc::Receiver<()>>>().unwrap().lock().unwrap().recv()?;
            note(delivery).await
        })
    }
    fn release(delivery: Delivery) -> Outcome {
        Box::pin(async move { Ok(delivery.states().get::<mpsc::Sender<()>>().unwrap().send(()).map(Output::of)?) })
    }
    static BLOCKS: TaskDef = TaskDef::new("blocks", "tests::blocks", block);
    static RELEASES: TaskDef = TaskDef::new("releases", "tests::releases", release);

    let (sender, mut notes) = unbounded_channel::<String>();
    let (gate, opened) = mpsc::channel::<()>();
    let app = App::new()
        .worker(Worker::for_tasks("blocking", [&BLOCKS]).own_runtime(1).state(Mutex::new(opened)))
        // On this test's own thread: a block there would be for ever.
        .worker(Worker::for_tasks("quick", [&RELEASES]).state(gate))
        .state(Owner("the app"))
        .state(sender);
    let running = Running::start(app);
    running.client.send(message(&BLOCKS)).await.unwrap();
    while running.client.queue("blocks").unwrap().stats().await.unwrap().active == 0 {
        tokio::task::yield_now().await;
    }
    running.client.send(message(&RELEASES)).await.unwrap();
    assert_eq!(next(&mut notes).await, "blocks of the app on ltq-blocking");
    running.stop().await;
}

#[tokio::test]
async fn a_worker_on_its_own_runtime_ends_with_its_future() {
    struct Dropped(Notes);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send("dropped".to_owned());
        }
    }
    fn hang(delivery: Delivery) -> Outcome {
        Box::pin(async move {
            let notes = delivery.states().get::<Notes>().unwrap();
            notes.send("started".to_owned())?;
            let _dropped = Dropped(Notes::clone(&notes));
            std::future::pending().await
        })
    }
    static HANGS: TaskDef = TaskDef::new("hangs", "tests::hangs", hang);

    let (sender, mut notes) = unbounded_channel::<String>();
    let running = Running::start(App::new().worker(Worker::for_tasks("w", [&HANGS]).own_runtime(1)).state(sender));
    running.client.send(message(&HANGS)).await.unwrap();
    assert_eq!(next(&mut notes).await, "started");
    running.app.abort();
    assert_eq!(next(&mut notes).await, "dropped");
}

#[tokio::test]
async fn a_runtime_without_threads_is_refused() {
    let error = Running::start(App::new().worker(Worker::for_tasks("w", [&FIRST]).own_runtime(0))).app.await.unwrap();
    let AppError::Worker { worker, source } = error.unwrap_err() else { panic!("not the worker") };
    assert_eq!(worker, "w");
    assert!(source.to_string().contains("at least 1"), "{source}");
}

#[tokio::test]
async fn the_apps_retry_is_that_of_workers_without_one_of_their_own() {
    fn fail(_: Delivery) -> Outcome {
        Box::pin(async { Err(TaskError::msg("no").into_boxed()) })
    }
    static FAILS: TaskDef = TaskDef::new("fails", "tests::fails", fail);
    static FAILS_TOO: TaskDef = TaskDef::new("fails_too", "tests::fails_too", fail);

    /// Turns retries into failures, so that a queue shows whether there was one.
    struct NoRetries;
    impl Middleware for NoRetries {
        async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
            next.run(delivery).await.map_err(|error| match error.is::<RetryMessage>() {
                true => "was to be retried".into(),
                false => error,
            })
        }
    }

    let app = App::new()
        .worker(Worker::for_tasks("default", [&FAILS]))
        .worker(Worker::for_tasks("own", [&FAILS_TOO]).middleware(Retry::default().attempts(2)))
        .middleware(NoRetries)
        .middleware(Retry::default().attempts(1));
    let running = Running::start(app);
    for (task, error) in [(&FAILS, "no"), (&FAILS_TOO, "was to be retried")] {
        running.client.send(message(task)).await.unwrap();
        while running.client.queue(task.queue).unwrap().stats().await.unwrap().dead == 0 {
            tokio::task::yield_now().await;
        }
        let letters = running.client.queue(task.queue).unwrap().dead_letters().list(0, 1).await.unwrap();
        assert_eq!(letters[0].error, error);
    }
    running.stop().await;
}
