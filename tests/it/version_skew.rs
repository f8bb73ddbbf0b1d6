//! Programs of different versions share a queue: the frozen partner of `ltq_tests::golden` beside today's code.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ltq::{Client, Context, State, Task, TaskError, TaskResult, Worker};
use ltq_core::broker::redis::RedisBroker;
use ltq_core::broker::{
    Admin, Broker, ConnectOptions, Consume, DeadLimits, Delivered, Entry, Produce, ProducerId, Publish, QueueStats,
    Recovery, Settlement, Turn, WorkerId,
};
use ltq_core::client::BrokerAccess as _;
use ltq_core::message::{Due, MessageId, QueueName};
use ltq_tests::conformance::eventually;
use ltq_tests::golden::GoldenWorker;
use ltq_tests::golden::scripts::{OldPlace, OldScripts};
use ltq_tests::golden::wire::{GoldenMessage, Read, version_2};
use ltq_tests::ledger::Ledger;
use ltq_tests::redis_server::RedisServer;

use crate::redis_broker::bare;
use crate::support::Running;

const QUEUE: &str = "skew";
const TASK: &str = "skew.work";
const START_MS: u64 = 1_700_000_000_000;
/// Longer than any delay and any lease here.
const LONG: Duration = Duration::from_secs(120);

/// Fails until its second attempt if the key says so.
#[ltq::task(queue = "skew", name = "skew.work", backoff = "1ms..2ms")]
async fn work(ledger: State<Arc<Ledger>>, ctx: Context, key: String) -> TaskResult {
    ledger.start(&key);
    if key.starts_with("fails") && ctx.attempt() == 1 {
        return Err(TaskError::msg("not yet"));
    }
    ledger.finish(format!("{key} attempt {} delivery {}", ctx.attempt(), ctx.delivery()));
    Ok(())
}

/// A server, a broker whose time is moved by hand, and what tasks noted.
struct Setting {
    _server: RedisServer,
    broker: Arc<RedisBroker>,
    client: Client,
    ledger: Arc<Ledger>,
}

impl Setting {
    async fn new() -> Self {
        let server = RedisServer::start();
        let broker = RedisBroker::with_clock(&server.unix_url(), &ConnectOptions::default(), START_MS).await.unwrap();
        let client = Client::on(Arc::clone(&broker) as Arc<dyn Broker>);
        Self { _server: server, broker, client, ledger: Arc::new(Ledger::new()) }
    }

    fn worker(&self) -> Running {
        let worker =
            Worker::for_tasks("skew", [work::DEF]).state(Arc::clone(&self.ledger)).lease(Duration::from_millis(400));
        Running::start(worker, &self.client)
    }

    fn golden(&self) -> GoldenWorker {
        GoldenWorker::new(Arc::clone(&self.broker) as Arc<dyn Broker>, QUEUE)
    }

    async fn publish(&self, payloads: impl IntoIterator<Item = Bytes>) {
        let entries = payloads.into_iter().map(|payload| Entry { payload, due: Due::Now }).collect();
        let batch = Publish::new(queue(), ProducerId::new(), 1, entries);
        self.broker.publish(&batch).await.unwrap();
    }

    async fn stats_show(&self, wanted: impl Fn(&QueueStats) -> bool) -> QueueStats {
        eventually(async || self.broker.stats(&queue()).await.ok().filter(&wanted)).await
    }

    async fn finished(&self, key: &str) {
        eventually(async || (self.ledger.runs(key).finished == 1).then_some(())).await;
    }
}

fn queue() -> QueueName {
    QueueName::new(QUEUE).unwrap()
}

fn message(key: &str) -> GoldenMessage {
    GoldenMessage::new(TASK, QUEUE, key)
}

fn of_version_1(read: &Read) -> &GoldenMessage {
    let Read::Message(message) = read else { panic!("{read:?}") };
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_version_1_runs_what_is_sent_today() {
    let setting = Setting::new().await;
    let id = setting.client.send(work.message("today")).await.unwrap();
    let mut golden = setting.golden();
    let taken = golden.take(10).await;
    let [(delivered, read)] = taken.as_slice() else { panic!("{taken:?}") };
    let message = of_version_1(read);
    assert_eq!((delivered.id, message.id), (id, *id.as_bytes()));
    assert_eq!((message.task.as_str(), message.queue.as_str(), message.key()), (TASK, QUEUE, "today".to_owned()));
    assert_eq!((message.attempts, message.requeues, message.created_ms), (0, 0, id.timestamp_ms()));
    golden.done(delivered).await;
    setting.stats_show(|stats| stats.counts.done == 1 && stats.active == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn todays_worker_runs_what_version_1_sends() {
    let setting = Setting::new().await;
    let more = message("more elements").write_with(&[&[0xa3, b'n', b'e', b'w'], &[0x81, 0x01, 0xc0]]);
    setting.publish([message("plain").write(), more]).await;
    let worker = setting.worker();
    setting.finished("plain attempt 1 delivery 1").await;
    setting.finished("more elements attempt 1 delivery 1").await;
    worker.stop().await;
    assert_eq!(setting.broker.stats(&queue()).await.unwrap().counts.done, 2);
}

/// A retry of the old worker is finished by the new one, and the other way round; what is carried survives both.
#[tokio::test(flavor = "multi_thread")]
async fn retries_go_back_and_forth() {
    let setting = Setting::new().await;
    let mut sent = message("old to new");
    sent.carried = vec![("trace".to_owned(), vec![0xa2, b'a', b'1'])];
    setting.publish([sent.write()]).await;
    let mut golden = setting.golden();
    let (delivered, read) = golden.take(1).await.remove(0);
    golden.retry(&delivered, of_version_1(&read).retried().write(), Duration::ZERO).await;
    let worker = setting.worker();
    setting.finished("old to new attempt 2 delivery 2").await;

    let mut sent = message("fails in the new");
    sent.carried = vec![("trace".to_owned(), vec![0xa2, b'a', b'1'])];
    setting.publish([sent.write()]).await;
    setting.stats_show(|stats| stats.counts.retried == 2 && stats.active == 0).await;
    worker.stop().await;
    setting.broker.advance(LONG);
    let (delivered, read) = golden.take(1).await.remove(0);
    let back = of_version_1(&read);
    assert_eq!((back.attempts, back.requeues, &back.args), (1, 1, &sent.args));
    assert!(back.carried.contains(&sent.carried[0]), "{:?}", back.carried);
    golden.done(&delivered).await;
    setting.stats_show(|stats| stats.counts.done == 2 && stats.active + stats.dead == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_waits_for_a_worker_that_reads_it() {
    let setting = Setting::new().await;
    let id = MessageId::new();
    let newer = version_2(*id.as_bytes());
    setting.publish([newer.clone(), message("beside").write()]).await;
    let worker = setting.worker();
    setting.finished("beside attempt 1 delivery 1").await;
    for times in 1..=3 {
        setting.stats_show(|stats| stats.counts.retried == times && stats.scheduled == 1).await;
        setting.broker.advance(LONG);
        // Another message makes the worker look, as its own timer would.
        setting.publish([message(&format!("later {times}")).write()]).await;
        setting.finished(&format!("later {times} attempt 1 delivery 1")).await;
    }
    worker.stop().await;
    setting.broker.advance(LONG);
    let mut updated = setting.golden();
    let taken = updated.take(10).await;
    let [(delivered, read)] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!((delivered.id, &delivered.payload, read), (id, &newer, &Read::Newer(2)), "as it was sent");
    updated.done(delivered).await;
    let stats = setting.stats_show(|stats| stats.counts.done == 5).await;
    assert_eq!((stats.dead, stats.counts.dead, stats.ready + stats.scheduled + stats.active), (0, 0, 0));
}

/// The holder of a newer message stops in order, or dies: the message is as it was, whoever meets it next.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_survives_leaving_and_recovery() {
    let setting = Setting::new().await;
    let id = MessageId::new();
    let newer = version_2(*id.as_bytes());
    setting.publish([newer.clone()]).await;

    let leaves = WorkerId::new();
    for (worker, recovery) in [(leaves, Recovery::Leaving), (WorkerId::new(), Recovery::Expired)] {
        let turn = Turn {
            queue: queue(),
            worker: worker.clone(),
            sequence: 1,
            lease: Duration::from_secs(8),
            settlements: Vec::new(),
            want: 1,
            backlog: false,
            full: false,
            discarded: 0,
            dead_limits: DeadLimits::default(),
        };
        assert_eq!(setting.broker.turn(&turn).await.unwrap().taken.len(), 1);
        if recovery == Recovery::Leaving {
            setting.broker.recover(&queue(), &worker, recovery).await.unwrap();
        } else {
            setting.broker.advance(LONG);
        }
    }
    // Recovers it by its own heartbeat, and puts it back.
    let worker = setting.worker();
    setting.stats_show(|stats| stats.counts.recovered == 1 && stats.counts.retried == 1).await;
    worker.stop().await;
    setting.broker.advance(LONG);
    let taken = setting.golden().take(10).await;
    assert_eq!(taken.len(), 1);
    assert_eq!((&taken[0].0.payload, taken[0].0.recoveries), (&newer, 1));
    assert_eq!(setting.broker.stats(&queue()).await.unwrap().counts.dead, 0);
}

/// Workers and producers with the first scripts beside today's: a rolling update in either direction.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_scripts_and_todays_share_a_queue() {
    let server = RedisServer::start();
    let broker: Arc<dyn Broker> =
        RedisBroker::with_blocks_from(2, &server.unix_url(), &ConnectOptions::default(), None).await.unwrap();
    let mut old = OldScripts::new(bare(&server).await, QUEUE, "old");
    each_runs_what_the_other_sent(&broker, &mut old).await;

    // Each recovers a batch that the other held, and each learns that it was lost.
    let (batch, renewed) = ([message("two").write(), Bytes::from_static(b"no message")], WorkerId::new());
    todays_recover_a_batch_of_the_first(&broker, &mut old, &renewed, &batch).await;
    old.publish(4, batch[0].clone()).await;
    old.publish(5, batch[1].clone()).await;
    let mut other = OldScripts::new(bare(&server).await, QUEUE, "other");
    the_first_recover_a_batch_of_todays(&broker, &mut other, &renewed, &batch).await;

    let stats = broker.stats(&queue()).await.unwrap();
    assert_eq!((stats.active, stats.ready + stats.scheduled + stats.dead, stats.counts.done), (2, 0, 4));
}

async fn each_runs_what_the_other_sent(broker: &Arc<dyn Broker>, old: &mut OldScripts) {
    let mut golden = GoldenWorker::new(Arc::clone(broker), QUEUE);
    let one = message("one");
    // The old producer, the new worker; a retry of the new worker, the old one.
    old.publish(1, one.write()).await;
    let (delivered, _) = golden.take(1).await.remove(0);
    golden.retry(&delivered, one.retried().write(), Duration::ZERO).await;
    let taken = old.turn(60_000, &[], &[], 5).await.unwrap();
    assert_eq!(payloads(&taken), [one.retried().write()]);
    // The other way round.
    let client = Client::on(Arc::clone(broker));
    let id = client.send(work.message("new")).await.unwrap();
    let taken = old.turn(60_000, &[taken[0].0], &[], 5).await.unwrap();
    let Read::Message(new) = GoldenMessage::read(&taken[0].1) else { panic!("{taken:?}") };
    assert_eq!(new.id, *id.as_bytes());
    let retry = (taken[0].0, new.retried().write());
    assert_eq!(old.turn(60_000, &[], &[retry], 0).await, Some(Vec::new()));
    let (delivered, _) = golden.take(1).await.remove(0);
    assert_eq!(delivered.payload, new.retried().write());
    golden.done(&delivered).await;
}

/// The worker of today finishes it.
async fn todays_recover_a_batch_of_the_first(
    broker: &Arc<dyn Broker>,
    old: &mut OldScripts,
    today: &WorkerId,
    batch: &[Bytes; 2],
) {
    old.publish(2, batch[0].clone()).await;
    old.publish(3, batch[1].clone()).await;
    let taken = old.turn(0, &[], &[], 5).await.unwrap();
    assert_eq!(payloads(&taken), *batch);
    let renewal = broker.renew(&queue(), today, LONG).await.unwrap();
    assert_eq!(renewal.expired, [WorkerId::from_name("old")]);
    assert_eq!(broker.recover(&queue(), &renewal.expired[0], Recovery::Expired).await.unwrap().messages, 2);
    assert_eq!(old.turn(60_000, &[taken[0].0], &[], 5).await, None);
    let taken = broker.turn(&turn(today, 1, Vec::new(), LONG)).await.unwrap().taken;
    assert_eq!(taken.iter().map(|delivered| delivered.recoveries).collect::<Vec<_>>(), [1, 0]);
    let back = taken.iter().map(|delivered| delivered.hand_back(delivered.payload.clone())).collect();
    let reply = broker.turn(&turn(today, 2, back, LONG)).await.unwrap();
    let done = reply.taken.iter().map(Delivered::done).collect();
    broker.turn(&turn(today, 3, done, LONG)).await.unwrap();
}

/// The worker with the first scripts holds it in the end.
async fn the_first_recover_a_batch_of_todays(
    broker: &Arc<dyn Broker>,
    other: &mut OldScripts,
    today: &WorkerId,
    batch: &[Bytes; 2],
) {
    assert_eq!(broker.turn(&turn(today, 4, Vec::new(), Duration::ZERO)).await.unwrap().taken.len(), 2);
    assert_eq!(other.turn(60_000, &[], &[], 0).await, Some(Vec::new()));
    assert_eq!(other.renew(60_000).await, (true, vec![today.to_string()]));
    assert_eq!(other.recover(today.as_str()).await, 2);
    assert!(broker.turn(&turn(today, 5, Vec::new(), LONG)).await.unwrap().lost);
    assert_eq!(payloads(&other.turn(60_000, &[], &[], 5).await.unwrap()), *batch);
}

/// A turn that takes up to five messages.
fn turn(worker: &WorkerId, sequence: u64, settlements: Vec<Settlement>, lease: Duration) -> Turn {
    Turn {
        queue: queue(),
        worker: worker.clone(),
        sequence,
        lease,
        settlements,
        want: 5,
        backlog: true,
        full: false,
        discarded: 0,
        dead_limits: DeadLimits::default(),
    }
}

fn payloads(taken: &[(OldPlace, Bytes)]) -> Vec<Bytes> {
    taken.iter().map(|(_, payload)| payload.clone()).collect()
}
