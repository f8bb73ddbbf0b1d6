use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use ltq_core::message::{Carried, MessageId};
use ltq_core::middleware::{Middleware as _, Next, RateLimit, Stack};
use ltq_core::task::{Context, Failure, Rate, TaskDef};
use tokio::time::Instant;

use crate::support::{SUCCEEDS, deliver, first_attempt, retry_of, succeed};

const SECOND: Duration = Duration::from_secs(1);

static TEN_PER_SECOND: TaskDef =
    TaskDef::new("ten_per_second", "tests::ten_per_second", succeed).rate(Rate::new(10, SECOND));
static ONE_PER_SECOND: TaskDef =
    TaskDef::new("one_per_second", "tests::one_per_second", succeed).rate(Rate::new(1, SECOND));
static HUNDRED_PER_SECOND: TaskDef =
    TaskDef::new("hundred_per_second", "tests::hundred_per_second", succeed).rate(Rate::new(100, SECOND));

fn per_task() -> Next {
    Stack::new().middleware(RateLimit::per_task()).build()
}

/// What a queue with a backlog does: messages are taken when they are due, and those put back are due again later.
struct Queue {
    def: &'static TaskDef,
    due: BinaryHeap<Reverse<(Instant, MessageId)>>,
    carried: std::collections::HashMap<MessageId, Carried>,
    put_backs: usize,
    /// When each message started, since the queue began.
    starts: Vec<Duration>,
    began: Instant,
}

impl Queue {
    fn with_backlog(def: &'static TaskDef, messages: usize) -> Self {
        let began = Instant::now();
        Self {
            def,
            due: (0..messages).map(|_| Reverse((began, MessageId::new()))).collect(),
            carried: std::collections::HashMap::new(),
            put_backs: 0,
            starts: Vec::new(),
            began,
        }
    }

    /// Takes one message after the other until none is left, each by one of the workers in turn.
    async fn drain(&mut self, workers: &[Next]) {
        for worker in workers.iter().cycle() {
            let Some(Reverse((due, id))) = self.due.pop() else { return };
            tokio::time::sleep_until(due).await;
            let context = Context::builder(id, self.def.name, self.def.queue.into())
                .carried(self.carried.remove(&id).unwrap_or_default())
                .build();
            match worker.clone().run(deliver(self.def, context.clone())).await {
                Ok(_) => self.starts.push(self.began.elapsed()),
                Err(error) => {
                    let Failure::Retry(retry) = Failure::of(&error) else { panic!("{error}") };
                    assert!(!retry.charged, "{retry}");
                    self.put_backs += 1;
                    self.carried.insert(id, context.carried_snapshot());
                    self.due.push(Reverse((Instant::now() + retry.delay, id)));
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_messages_at_ten_per_second_take_nine_seconds_and_go_back_once_each() {
    let mut queue = Queue::with_backlog(&TEN_PER_SECOND, 100);
    queue.drain(&[per_task()]).await;
    assert_eq!(queue.starts.len(), 100);
    assert_eq!(queue.put_backs, 90);
    // Ten at once, then one each tenth of a second.
    assert_eq!(queue.starts.iter().filter(|start| start.is_zero()).count(), 10);
    let last = queue.starts.last().unwrap();
    assert!((9 * SECOND..10 * SECOND).contains(last), "{last:?}");
    for (n, start) in queue.starts.iter().enumerate().skip(10) {
        let earliest = u32::try_from(n - 9).unwrap() * SECOND / 10;
        assert!(*start >= earliest, "start {n} came at {start:?}, before {earliest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_burst_messages_still_go_back_about_once() {
    let mut queue = Queue::with_backlog(&ONE_PER_SECOND, 60);
    queue.drain(&[per_task()]).await;
    assert_eq!(queue.put_backs, 59);
    let last = queue.starts.last().unwrap();
    assert!((59 * SECOND..60 * SECOND).contains(last), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn two_workers_share_a_backlog_without_thrashing() {
    let mut queue = Queue::with_backlog(&TEN_PER_SECOND, 200);
    queue.drain(&[per_task(), per_task()]).await;
    assert_eq!(queue.starts.len(), 200);
    assert!(queue.put_backs <= 2 * 200, "{} put-backs", queue.put_backs);
    let last = queue.starts.last().unwrap();
    // Each worker has its own ten per second.
    assert!((9 * SECOND..12 * SECOND).contains(last), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_near_is_awaited() {
    let next = per_task();
    let began = Instant::now();
    for _ in 0..105 {
        next.clone().run(first_attempt(&HUNDRED_PER_SECOND)).await.unwrap();
    }
    assert!(began.elapsed() >= 5 * SECOND / 100);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_far_puts_the_message_back_and_says_why() {
    let next = per_task();
    next.clone().run(first_attempt(&ONE_PER_SECOND)).await.unwrap();
    let began = Instant::now();
    for seconds in 1..=3 {
        let retry = retry_of(next.clone().run(first_attempt(&ONE_PER_SECOND)).await);
        assert!(retry.delay >= seconds * SECOND, "{retry}");
        assert!(retry.delay < seconds * SECOND + Duration::from_millis(10), "{retry}");
        assert_eq!(retry.reason, "rate limit of 1 per 1s");
    }
    assert!(began.elapsed().is_zero(), "it waited in its slot");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_back_a_little_early_is_not_put_back_again() {
    let next = per_task();
    let began = Instant::now();
    next.clone().run(first_attempt(&ONE_PER_SECOND)).await.unwrap();
    let early = first_attempt(&ONE_PER_SECOND);
    retry_of(next.clone().run(early.clone()).await);
    tokio::time::advance(Duration::from_millis(970)).await;
    next.run(early).await.unwrap();
    assert!(began.elapsed() >= SECOND);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_back_for_longer_than_an_hour() {
    static DAILY: TaskDef =
        TaskDef::new("daily", "tests::daily", succeed).rate(Rate::new(1, Duration::from_secs(86_400)));
    let next = per_task();
    next.clone().run(first_attempt(&DAILY)).await.unwrap();
    for _ in 0..100 {
        let retry = retry_of(next.clone().run(first_attempt(&DAILY)).await);
        assert!((1_800 * SECOND..=3_600 * SECOND).contains(&retry.delay), "{retry}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_of_the_task_itself_waits_in_line_like_a_new_message() {
    let next = per_task();
    next.clone().run(first_attempt(&ONE_PER_SECOND)).await.unwrap();
    let delivery = first_attempt(&ONE_PER_SECOND);
    retry_of(next.clone().run(delivery.clone()).await);
    assert!(!delivery.context().carried_snapshot().is_empty());
    tokio::time::advance(2 * SECOND).await;
    next.run(delivery.clone()).await.unwrap();
    assert!(delivery.context().carried_snapshot().is_empty(), "the turn is used up");
}

#[tokio::test(start_paused = true)]
async fn limits_of_tasks_are_apart_and_tasks_without_one_are_free() {
    let next = per_task();
    for _ in 0..10 {
        next.clone().run(first_attempt(&TEN_PER_SECOND)).await.unwrap();
        next.clone().run(first_attempt(&SUCCEEDS)).await.unwrap();
    }
    retry_of(next.clone().run(first_attempt(&TEN_PER_SECOND)).await);
    next.clone().run(first_attempt(&ONE_PER_SECOND)).await.unwrap();
    next.run(first_attempt(&SUCCEEDS)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shared_limit_counts_all_tasks_and_keeps_their_own() {
    let next = Stack::new().middleware(RateLimit::shared(Rate::new(3, SECOND))).build();
    next.clone().run(first_attempt(&ONE_PER_SECOND)).await.unwrap();
    let retry = retry_of(next.clone().run(first_attempt(&ONE_PER_SECOND)).await);
    assert_eq!(retry.reason, "rate limit of 1 per 1s");
    next.clone().run(first_attempt(&SUCCEEDS)).await.unwrap();
    next.clone().run(first_attempt(&TEN_PER_SECOND)).await.unwrap();
    let retry = retry_of(next.run(first_attempt(&SUCCEEDS)).await);
    assert_eq!(retry.reason, "rate limit of 3 per 1s");
}

#[test]
fn only_tasks_with_a_rate_are_concerned() {
    let limit = RateLimit::per_task();
    assert!(!limit.concerns(&first_attempt(&SUCCEEDS)));
    assert!(limit.concerns(&first_attempt(&ONE_PER_SECOND)));
}
