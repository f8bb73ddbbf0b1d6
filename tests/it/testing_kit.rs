//! The testing kit as users write tests with it: each test has a queue of its own.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ltq::testing::{self, Outcome, TestQueue, assert_enqueued, assert_not_enqueued};
use ltq::{Context, DeadReason, RejectMessage, RetryMessage, SendError, State, TaskResult, Worker};
use serde::{Deserialize, Serialize};

const MINUTE: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Plan {
    Free,
    Paid { cents: u32, tags: HashMap<String, f32> },
}

/// What the tasks did.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[ltq::task(queue = "kit.mail")]
async fn welcome(log: State<Log>, user: u64, name: String) {
    log.note(format!("welcome {user} {name}"));
}

#[ltq::task(queue = "kit.mail")]
async fn subscribe(plan: Plan, after: Option<u8>, r#type: String) {
    drop((plan, after, r#type));
}

/// Fails until the third attempt.
#[ltq::task(queue = "kit.mail", max_attempts = 3, backoff = "1m..1h")]
async fn flaky(log: State<Log>, ctx: Context, until: u32) -> TaskResult {
    log.note(format!("attempt {}", ctx.attempt()));
    if ctx.attempt() < until {
        return Err(std::io::Error::other("the server is busy").into());
    }
    Ok(())
}

#[ltq::task(queue = "kit.mail")]
async fn refuse() -> Result<(), RejectMessage> {
    Err(RejectMessage::new("never"))
}

#[ltq::task(queue = "kit.mail")]
async fn forever() -> Result<(), RetryMessage> {
    Err(RetryMessage::new(MINUTE, "not yet"))
}

/// Sends itself until `levels` is zero.
#[ltq::task(queue = "kit.mail")]
async fn nest(log: State<Log>, levels: u32) -> TaskResult {
    log.note(format!("in {levels}"));
    if levels > 0 {
        nest.send(levels - 1).await?;
    }
    log.note(format!("out {levels}"));
    Ok(())
}

#[ltq::task(queue = "kit.mail", max_age = "10m")]
async fn urgent() {}

#[ltq::task(queue = "kit.mail", rate = "1/h")]
async fn limited() {}

/// On a queue of its own.
#[ltq::task(queue = "kit.other")]
async fn elsewhere() {}

fn worker(log: &State<Log>) -> Worker {
    Worker::new("kit.mail").shared_state(log.clone())
}

fn log() -> State<Log> {
    State::new(Log::default())
}

/// What an assertion says when it fails.
fn failure(assertion: impl FnOnce()) -> String {
    *catch_unwind(AssertUnwindSafe(assertion)).unwrap_err().downcast::<String>().unwrap()
}

#[tokio::test]
async fn what_was_sent_is_found_by_its_arguments() {
    let queue = testing::queue();
    welcome.send(7, "Ada").await.unwrap();
    welcome.message(8, "Grace").delay(MINUTE).send().await.unwrap();

    assert_enqueued!(welcome);
    assert_enqueued!(welcome, user = 7, name = "Ada", within = Duration::ZERO);
    assert_enqueued!(queue, welcome, user = 8, after = MINUTE, within = MINUTE);
    assert_enqueued!(&queue, welcome, name = |name: String| name.starts_with('G'),);
    assert_not_enqueued!(welcome, user = 7, name = "Grace");
    assert_not_enqueued!(welcome, user = 8, within = Duration::from_secs(59));
    assert_not_enqueued!(queue, refuse);

    let messages = queue.messages_of(welcome);
    let users: Vec<u64> = messages.iter().map(|message| message.arg("user").unwrap().unwrap()).collect();
    assert_eq!(users, [7, 8]);
    assert_eq!((messages[1].queue(), messages[1].due_in()), ("kit.mail", MINUTE));
    let args: HashMap<String, serde_json::Value> = messages[0].args().unwrap();
    assert_eq!(args["name"], "Ada");
}

#[tokio::test]
async fn arguments_compare_as_they_travel() {
    let _queue = testing::queue();
    let tags: HashMap<_, _> = (0..20_u8).map(|n| (n.to_string(), 0.1)).collect();
    subscribe.send(Plan::Paid { cents: 1, tags: tags.clone() }, None, "new").await.unwrap();
    let same: HashMap<_, _> = tags.clone().into_iter().collect();
    assert_enqueued!(subscribe, plan = Plan::Paid { cents: 1, tags: same }, r#after = None::<u8>, r#type = "new");
    assert_enqueued!(subscribe, plan = |plan: Plan| matches!(plan, Plan::Paid { cents: 1.., .. }));
    assert_not_enqueued!(subscribe, plan = Plan::Free);
    assert_not_enqueued!(subscribe, plan = Plan::Paid { cents: 2, tags });
}

#[tokio::test]
async fn a_failed_assertion_shows_what_there_is() {
    let queue = TestQueue::new();
    let text = failure(|| assert_enqueued!(queue, welcome, user = 9, name = |n: String| n.len() > 2, after = MINUTE));
    assert_eq!(
        text,
        "not enqueued: it::testing_kit::welcome(user = 9, name = |n: String| n.len() > 2), due after 60s\n\
         nothing is enqueued"
    );
    queue.scope(welcome.send(7, "Ada")).await.unwrap();
    queue.client().send(welcome.message(8, "Grace").delay(MINUTE)).await.unwrap();
    let enqueued = "it::testing_kit::welcome(user = 7, name = \"Ada\") on `kit.mail`\n  \
                    it::testing_kit::welcome(user = 8, name = \"Grace\") on `kit.mail`, due in 60s";
    let text = failure(|| assert_enqueued!(queue, welcome, user = 9));
    assert_eq!(text, format!("not enqueued: it::testing_kit::welcome(user = 9)\nenqueued:\n  {enqueued}"));
    let text = failure(|| assert_not_enqueued!(queue, welcome, user = 8));
    assert!(text.starts_with("enqueued, and should not be: it::testing_kit::welcome(user = 8)"), "{text}");
    for text in [
        failure(|| assert_enqueued!(queue, welcome, usr = 8)),
        failure(|| assert_not_enqueued!(queue, welcome, usr = 8)),
    ] {
        assert_eq!(text, "`it::testing_kit::welcome` has no argument `usr`; it has: `user`, `name`");
    }
}

#[test]
fn outside_of_a_test_with_a_queue_an_assertion_says_what_is_missing() {
    let panic = catch_unwind(|| assert_enqueued!(welcome)).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("ltq::testing::queue()"));
    let panic = catch_unwind(|| testing::queue()).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("#[tokio::test]"));
}

/// Sends as code does that knows nothing of tests, from wherever it can, and checks that nobody else was heard.
async fn sends_from_everywhere(user: u64) {
    let queue = testing::queue();
    for _ in 0..5 {
        welcome.send(user, "direct").await.unwrap();
        tokio::spawn(async move { welcome.send(user, "spawned").await }).await.unwrap().unwrap();
        let runtime = tokio::runtime::Handle::current();
        let blocking = move || runtime.block_on(welcome.send(user, "blocking")).map(drop);
        tokio::task::spawn_blocking(blocking).await.unwrap().unwrap();
        welcome.send_bulk((0..5).map(|_| welcome.message(user, "bulk"))).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(testing::queue().messages().len(), 40, "another handle is the same queue");
    assert_not_enqueued!(queue, welcome, user = |other: u64| other != user);
    let log = log();
    let report = queue.run_all(worker(&log)).await.unwrap();
    assert_eq!((report.done(), log.take().len()), (40, 40));
    assert!(queue.messages().is_empty());
}

#[test]
fn tests_that_run_at_once_never_see_each_other() {
    std::thread::scope(|scope| {
        for user in 0..24 {
            scope.spawn(move || {
                let mut builder = match user % 2 {
                    0 => tokio::runtime::Builder::new_current_thread(),
                    _ => tokio::runtime::Builder::new_multi_thread(),
                };
                let runtime = builder.worker_threads(2).enable_all().build().unwrap();
                runtime.block_on(sends_from_everywhere(user));
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_that_share_a_runtime_are_apart_in_their_scopes() {
    let outer = testing::queue();
    let tests: Vec<_> = (0..50)
        .map(|user| {
            let queue = TestQueue::new();
            tokio::spawn(queue.clone().scope(async move {
                for _ in 0..10 {
                    welcome.send(user, "scoped").await.unwrap();
                    tokio::spawn(testing::queue().scope(welcome.send(user, "spawned"))).await.unwrap().unwrap();
                }
                assert_not_enqueued!(welcome, user = |other: u64| other != user);
                assert_eq!(queue.messages().len(), 20);
            }))
        })
        .collect();
    for test in tests {
        test.await.unwrap();
    }
    assert!(outer.messages().is_empty());
}

#[tokio::test]
async fn run_all_retries_until_the_end_and_reports_everything() {
    let (queue, log) = (testing::queue(), log());
    flaky.send(3).await.unwrap();
    flaky.send(9).await.unwrap();
    refuse.send().await.unwrap();
    welcome.message(1, "late").delay(Duration::from_hours(24)).send().await.unwrap();
    elsewhere.send().await.unwrap();

    let report = queue.run_all(worker(&log)).await.unwrap();
    assert_eq!((report.done(), report.retried(), report.dead()), (2, 4, 2), "{report}");
    let attempts: Vec<_> = report.runs_of(flaky).map(|run| run.attempt).collect();
    assert_eq!(attempts.len(), 6);
    let deaths = report.runs().iter().filter_map(|run| match &run.outcome {
        Outcome::Dead { reason, error } => Some((*reason, error.as_str())),
        _ => None,
    });
    assert_eq!(
        deaths.collect::<Vec<_>>(),
        [(DeadReason::Rejected, "rejected: never"), (DeadReason::Failed, "the server is busy")]
    );
    assert!(report.to_string().contains("put back for"), "{report}");
    assert!(report.to_string().contains("the server is busy"), "{report}");
    assert_eq!(log.take().last().unwrap(), "welcome 1 late");
    assert_eq!(queue.client().queue("kit.mail").unwrap().dead_letters().list(0, 10).await.unwrap().len(), 2);
    assert_enqueued!(queue, elsewhere);
    let text = failure(|| report.assert_success());
    assert!(text.starts_with("not every message was done\n\n2 done, 4 retried, 2 dead\n"), "{text}");
}

#[tokio::test]
async fn run_due_runs_what_is_due_and_time_is_advanced_by_hand() {
    let (queue, log) = (testing::queue(), log());
    welcome.message(1, "now").send().await.unwrap();
    welcome.message(2, "later").delay(MINUTE).send().await.unwrap();
    queue.run_due(worker(&log)).await.unwrap().assert_success();
    assert_eq!(log.take(), ["welcome 1 now"]);
    queue.advance(MINUTE - Duration::from_millis(1));
    assert!(queue.run_due(worker(&log)).await.unwrap().runs().is_empty());
    assert_enqueued!(queue, welcome, user = 2, after = Duration::from_millis(1));
    queue.advance(Duration::from_millis(1));
    queue.run_due(worker(&log)).await.unwrap().assert_success();
    assert_eq!(log.take(), ["welcome 2 later"]);
}

#[tokio::test]
async fn what_never_ends_is_reported() {
    let queue = testing::queue();
    forever.send().await.unwrap();
    let report = queue.run_all(worker(&log())).await.unwrap();
    assert_eq!(report.gave_up(), Some("gave up: `it::testing_kit::forever` was put back 1000 times"));
    assert_enqueued!(queue, forever, after = MINUTE);
    assert!(failure(|| report.assert_success()).contains("put back 1000 times"));
}

#[tokio::test]
async fn ages_follow_the_time_of_the_test() {
    let (queue, log) = (testing::queue(), log());
    queue.advance(Duration::from_hours(5));
    urgent.send().await.unwrap();
    queue.advance(Duration::from_mins(10));
    urgent.send().await.unwrap();
    let report = queue.run_all(worker(&log)).await.unwrap();
    assert_eq!(report.done(), 2, "{report}");
    urgent.send().await.unwrap();
    queue.advance(Duration::from_mins(10) + Duration::from_millis(1));
    let report = queue.run_all(worker(&log)).await.unwrap();
    assert!(matches!(report.runs()[0].outcome, Outcome::Dead { reason: DeadReason::Expired, .. }), "{report}");
}

#[tokio::test]
async fn a_rate_does_not_hold_up_a_test() {
    let queue = testing::queue();
    limited.send_bulk((0..10).map(|_| limited.message())).await.unwrap();
    assert_eq!(queue.run_due(worker(&log())).await.unwrap().done(), 10);
}

#[tokio::test]
async fn a_worker_that_would_not_start_is_an_error() {
    let queue = testing::queue();
    let error = queue.run_all(Worker::new("kit.mail")).await.unwrap_err();
    assert!(error.to_string().contains("Log"), "{error}");
    assert!(queue.inline(Worker::new("kit.mail")).is_err());
}

#[tokio::test]
async fn a_run_that_is_dropped_gives_its_message_back() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[ltq::task(queue = "kit.hangs")]
    async fn hangs() {
        if RUNS.fetch_add(1, Ordering::SeqCst) == 0 {
            std::future::pending::<()>().await;
        }
    }
    let queue = testing::queue();
    hangs.send().await.unwrap();
    {
        let mut run = Box::pin(queue.run_due(Worker::new("kit.hangs")));
        assert!(futures_util::poll!(&mut run).is_pending());
        assert_not_enqueued!(queue, hangs);
    }
    assert_enqueued!(queue, hangs);
    assert_eq!(queue.run_due(Worker::new("kit.hangs")).await.unwrap().done(), 1);
}

#[tokio::test]
async fn inline_runs_each_message_inside_its_send() {
    let (queue, log) = (testing::queue(), log());
    queue.inline(worker(&log)).unwrap();
    welcome.send(1, "Ada").await.unwrap();
    assert_eq!(log.take(), ["welcome 1 Ada"]);
    flaky.send(3).await.unwrap();
    assert_eq!(log.take(), ["attempt 1", "attempt 2", "attempt 3"]);
    nest.send(2).await.unwrap();
    assert_eq!(log.take(), ["in 2", "in 1", "in 0", "out 0", "out 1", "out 2"]);
    welcome.send_bulk((1..=2).map(|user| welcome.message(user, "bulk"))).await.unwrap();
    assert_eq!(log.take(), ["welcome 1 bulk", "welcome 2 bulk"]);

    // What is to run later, or elsewhere, waits.
    welcome.message(2, "later").delay(MINUTE).send().await.unwrap();
    elsewhere.send().await.unwrap();
    assert!(log.take().is_empty());
    assert_enqueued!(welcome, user = 2);
    assert_enqueued!(elsewhere);
}

#[tokio::test]
async fn inline_shows_how_a_task_failed() {
    let (queue, log) = (testing::queue(), log());
    queue.inline(worker(&log)).unwrap();
    let error = refuse.send().await.unwrap_err();
    assert!(
        matches!(&error, SendError::RunInPlace { task, error } if task.ends_with("refuse") && error == "rejected: never")
    );
    let error = forever.send().await.unwrap_err().to_string();
    assert!(error.contains("put back 1000 times, last because of: retry in 60s: not yet"), "{error}");
    assert_eq!(queue.client().queue("kit.mail").unwrap().dead_letters().list(0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn inline_sends_that_run_at_once_and_deep_nesting_end() {
    let (queue, log) = (testing::queue(), log());
    queue.inline(worker(&log)).unwrap();
    let sends = (0..20).map(|user| welcome.send(user, "joined"));
    futures_util::future::try_join_all(sends).await.unwrap();
    assert_eq!(log.take().len(), 20);
    nest.send(1_500).await.unwrap();
    assert_enqueued!(nest, levels = 500);
}

#[tokio::test]
async fn a_task_is_called_with_a_made_up_context() {
    let log = log();
    let third = testing::context(flaky).attempt(3).delivery(7).age(MINUTE).carry("key", &5_u8).unwrap().build();
    assert_eq!((third.task(), third.queue(), third.delivery()), ("it::testing_kit::flaky", "kit.mail", 7));
    assert_eq!((third.age(), third.get::<u8>("key").unwrap()), (MINUTE, Some(5)));
    flaky(log.clone(), third, 3).await.unwrap();
    let error = flaky(log, testing::context(flaky).build(), 3).await.unwrap_err();
    assert_eq!(error.to_string(), "the server is busy");
    assert!(testing::context(flaky).cancelled().build().is_cancelled());
}
