//! Messages that cannot end well, in memory and on Redis: each ends where it is promised to, and the next one runs.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ltq::middleware::Retry;
use ltq::{
    Client, Context, DeadLetter, DeadReason, Message, MessageId, RejectMessage, RetryMessage, SendError, Task,
    TaskError, TaskResult, Worker,
};
use ltq_core::broker::{Entry, ProducerId, Publish, QueueStats};
use ltq_core::client::BrokerAccess as _;
use ltq_core::message::{Due, Envelope, QueueName};

use crate::support::{Running, stats, stats_show};

const QUEUE: &str = "poison";

#[ltq::task(queue = "poison")]
async fn fine() {}

#[ltq::task(queue = "poison", max_attempts = 3)]
async fn panics(ctx: Context) {
    panic!("no luck at attempt {}", ctx.attempt());
}

#[ltq::task(queue = "poison", max_attempts = 2, timeout = "20ms")]
async fn never_ends() {
    std::future::pending::<()>().await;
}

#[ltq::task(queue = "poison", max_attempts = 3)]
async fn fails() -> TaskResult {
    Err(TaskError::msg("no such repository"))
}

#[ltq::task(queue = "poison")]
async fn rejects() -> Result<(), RejectMessage> {
    Err(RejectMessage::new("not for us"))
}

/// Asks for two more tries although one attempt is all it has: what a task asks for it gets.
#[ltq::task(queue = "poison", max_attempts = 1)]
async fn asks_again(ctx: Context) -> TaskResult {
    if ctx.attempt() < 3 {
        return Err(RetryMessage::new(Duration::from_millis(1), "not yet").into());
    }
    Ok(())
}

#[ltq::task(queue = "poison")]
async fn adds(_number: u64) {}

#[ltq::task(queue = "poison", max_age = "1ms")]
async fn short_lived() {}

/// A worker beside a client of its broker.
struct Setting {
    client: Client,
    worker: Running,
    _keeper: Box<dyn Any + Send>,
}

impl Setting {
    fn new(client: Client, keeper: impl Any + Send) -> Self {
        let tasks = [
            fine::DEF,
            panics::DEF,
            never_ends::DEF,
            fails::DEF,
            rejects::DEF,
            asks_again::DEF,
            adds::DEF,
            short_lived::DEF,
        ];
        let worker = Worker::for_tasks("poison", tasks)
            .unknown_task_grace(Duration::from_millis(50))
            .middleware(Retry::exponential(Duration::from_millis(1), Duration::from_millis(10)));
        let worker = Running::start(worker, &client);
        Self { client, worker, _keeper: Box::new(keeper) }
    }

    async fn send(&self, message: Message) -> MessageId {
        self.client.send(message).await.unwrap()
    }

    /// Puts bytes on the queue past all checks, as another program could.
    async fn smuggle(&self, payload: Bytes) {
        let queue = QueueName::new(QUEUE).unwrap();
        let entries = vec![Entry { payload, due: Due::Now }];
        let batch = Publish::new(queue, ProducerId::new(), 1, entries);
        self.client.broker().publish(&batch).await.unwrap();
    }

    /// Waits for the one dead letter there is to be.
    async fn dead_letter(&self) -> DeadLetter {
        stats_show(&self.client, QUEUE, |stats| stats.dead == 1).await;
        self.client.queue(QUEUE).unwrap().dead_letters().list(0, 10).await.unwrap().remove(0)
    }

    /// Lets one more message run, stops the worker, and returns the final numbers.
    async fn finish(self) -> QueueStats {
        let before = stats(&self.client, QUEUE).await.counts.done;
        self.send(fine.message()).await;
        stats_show(&self.client, QUEUE, |stats| stats.counts.done == before + 1).await;
        self.worker.stop().await;
        let stats = stats(&self.client, QUEUE).await;
        assert_eq!((stats.ready, stats.active, stats.workers), (0, 0, 0), "{stats:?}");
        stats
    }
}

async fn a_panic_is_retried_then_dead(setting: Setting) {
    let id = setting.send(panics.message()).await;
    let letter = setting.dead_letter().await;
    assert_eq!((letter.id, letter.reason, letter.attempts), (id, DeadReason::Failed, 3));
    assert!(letter.error.contains("no luck at attempt 3"), "{letter:?}");
    assert_eq!(setting.finish().await.counts.retried, 2);
}

async fn an_error_is_retried_then_dead(setting: Setting) {
    let id = setting.send(fails.message()).await;
    let letter = setting.dead_letter().await;
    assert_eq!((letter.id, letter.reason, letter.attempts), (id, DeadReason::Failed, 3));
    assert!(letter.error.contains("no such repository"), "{letter:?}");
    assert_eq!(setting.finish().await.counts.retried, 2);
}

async fn one_that_never_ends_is_stopped_and_retried_then_dead(setting: Setting) {
    let id = setting.send(never_ends.message()).await;
    let letter = setting.dead_letter().await;
    assert_eq!((letter.id, letter.reason, letter.attempts), (id, DeadReason::Failed, 2));
    assert!(letter.error.contains("20ms"), "{letter:?}");
    assert_eq!(setting.finish().await.counts.retried, 1);
}

async fn a_rejected_one_is_dead_at_once(setting: Setting) {
    let id = setting.send(rejects.message()).await;
    let letter = setting.dead_letter().await;
    assert_eq!((letter.id, letter.reason, letter.attempts), (id, DeadReason::Rejected, 1));
    assert!(letter.error.contains("not for us"), "{letter:?}");
    assert_eq!(setting.finish().await.counts.retried, 0);
}

async fn a_task_that_asks_for_another_try_gets_it(setting: Setting) {
    setting.send(asks_again.message()).await;
    stats_show(&setting.client, QUEUE, |stats| stats.counts.done == 1).await;
    let stats = setting.finish().await;
    assert_eq!((stats.counts.retried, stats.counts.dead), (2, 0), "{stats:?}");
}

async fn an_unknown_task_is_put_back_then_dead(setting: Setting) {
    let id = setting.send(Message::new("nobody::knows", QUEUE, &())).await;
    let letter = setting.dead_letter().await;
    assert_eq!((letter.id, letter.reason, letter.attempts), (id, DeadReason::UnknownTask, 0));
    assert!(letter.error.contains("nobody::knows"), "{letter:?}");
    assert!(setting.finish().await.counts.retried >= 1);
}

async fn arguments_that_do_not_fit_are_dead_at_once(setting: Setting) {
    let args = BTreeMap::from([("_number", "secret")]);
    let id = setting.send(Message::new(adds::DEF.name, QUEUE, &args)).await;
    let letter = setting.dead_letter().await;
    assert_eq!((letter.id, letter.reason), (id, DeadReason::Undecodable));
    assert!(letter.error.contains("_number") && !letter.error.contains("secret"), "{letter:?}");
    assert_eq!(setting.finish().await.counts.retried, 0);
}

async fn an_expired_one_is_dead_and_does_not_run(setting: Setting) {
    let late = Duration::from_millis(20);
    setting.send(short_lived.message().delay(late)).await;
    let letter = setting.dead_letter().await;
    assert_eq!(letter.reason, DeadReason::Expired);
    // The sender's limit is over the task's.
    setting.send(short_lived.message().delay(late).max_age(Duration::from_secs(600))).await;
    stats_show(&setting.client, QUEUE, |stats| stats.counts.done == 1).await;
    assert_eq!(setting.finish().await.dead, 1);
}

async fn bytes_that_are_no_message_are_kept_as_they_are(setting: Setting) {
    let garbage = Bytes::from_static(b"\x00not a message\xff");
    setting.smuggle(garbage.clone()).await;
    let letter = setting.dead_letter().await;
    assert_eq!((letter.reason, letter.attempts, &letter.payload), (DeadReason::Undecodable, 0, &garbage));
    setting.finish().await;
}

async fn a_message_cut_short_is_kept_as_it_is(setting: Setting) {
    let id = MessageId::new();
    let whole = Envelope::new(id, fine::DEF.name, QUEUE, 1, b"\x80").encode();
    let cut = whole.slice(..whole.len() - 5);
    setting.smuggle(cut.clone()).await;
    let letter = setting.dead_letter().await;
    assert_eq!((letter.id, letter.reason, &letter.payload), (id, DeadReason::Undecodable, &cut));
    setting.finish().await;
}

async fn a_newer_version_is_put_back(setting: Setting) {
    let mut newer = Envelope::new(MessageId::new(), fine::DEF.name, QUEUE, 1, b"\x80").encode().to_vec();
    newer[1] = 2;
    setting.smuggle(newer.into()).await;
    stats_show(&setting.client, QUEUE, |stats| stats.scheduled == 1).await;
    let stats = setting.finish().await;
    assert_eq!((stats.scheduled, stats.dead, stats.counts.retried), (1, 0, 1), "{stats:?}");
}

async fn one_of_2_mib_is_not_sent(setting: Setting) {
    let args = BTreeMap::from([("data", "x".repeat(2 * 1024 * 1024))]);
    let error = setting.client.send(Message::new(fine::DEF.name, QUEUE, &args)).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { limit: 1_048_576, .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("max_message_bytes") && !text.contains("xxx"), "{text}");
    let stats = setting.finish().await;
    assert_eq!((stats.counts.done, stats.dead), (1, 0), "{stats:?}");
}

macro_rules! on_each_broker {
    ($($promise:ident)*) => {
        mod memory {
            use ltq_core::broker::memory::MemoryBroker;
            use ltq_core::client::BrokerAccess as _;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $promise() {
                    let client = super::Client::on(MemoryBroker::private());
                    super::$promise(super::Setting::new(client, ())).await;
                }
            )*
        }

        mod redis {
            use ltq_tests::redis_server::RedisServer;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $promise() {
                    let server = RedisServer::start();
                    let client = super::Client::connect(&server.unix_url()).await.unwrap();
                    super::$promise(super::Setting::new(client, server)).await;
                }
            )*
        }
    };
}

on_each_broker! {
    a_panic_is_retried_then_dead
    an_error_is_retried_then_dead
    one_that_never_ends_is_stopped_and_retried_then_dead
    a_rejected_one_is_dead_at_once
    a_task_that_asks_for_another_try_gets_it
    an_unknown_task_is_put_back_then_dead
    arguments_that_do_not_fit_are_dead_at_once
    an_expired_one_is_dead_and_does_not_run
    bytes_that_are_no_message_are_kept_as_they_are
    a_message_cut_short_is_kept_as_it_is
    a_newer_version_is_put_back
    one_of_2_mib_is_not_sent
}
