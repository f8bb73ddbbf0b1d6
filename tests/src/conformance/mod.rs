//! The broker suite: one function per promise of [`Broker`], run against every broker.
//!
//! A promise is `async fn(broker: Arc<dyn Broker>)` over an empty broker of its own. It is listed once, in
//! [`conformance!`](crate::conformance!), which makes one `#[tokio::test]` of it per broker. A new promise is added
//! here, never to the tests of one broker.
//!
//! Nothing here sleeps to let something happen: time that must pass is watched on the broker's own clock, through
//! `eventually`, `Hand::drain` and `until_expired`.

pub mod admin;
pub mod delay;
pub mod lease;
pub mod publish;
pub mod records;
pub mod recover;
pub mod settle;
pub mod turn;
pub mod wait;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::select_all;
use ltq_core::broker::{
    Broker, BrokerError, ConnectOptions, DeadLimits, Delivered, Entry, ProducerId, Publish, QueueStats, Settlement,
    Turn, TurnReply, WorkerId,
};
use ltq_core::message::{DeadLetter, DeadReason, Due, Envelope, MessageId, QueueName, encode_args};

/// An empty broker, and what must live as long as it: a server, a temporary folder.
pub struct Fixture {
    /// The broker under test.
    pub broker: Arc<dyn Broker>,
    _keeper: Box<dyn Any + Send>,
}

impl Fixture {
    /// A broker, and what must live as long as it.
    pub fn new(broker: Arc<dyn Broker>, keeper: impl Any + Send) -> Self {
        Self { broker, _keeper: Box::new(keeper) }
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fixture").field(&self.broker).finish()
    }
}

/// Makes one test of each promise: `conformance!(name)`, where `name` is an `async fn() -> Fixture` beside it. Where
/// starting servers takes long, `conformance!(shared name)` makes one test of all, each in a namespace of its own;
/// `name` is then an `async fn() -> (servers, address)`.
#[macro_export]
macro_rules! conformance {
    ($fixture:ident) => {
        $crate::conformance! { @list each $fixture }
    };
    (shared $servers:ident) => {
        $crate::conformance! { @list shared $servers }
    };
    (@list $mode:ident $name:ident) => {
        $crate::conformance! { @$mode $name;
            publish {
                a_batch_is_taken_in_its_order
                each_producer_is_first_in_first_out
                a_batch_is_visible_as_a_whole
                a_repeated_number_enqueues_once
                numbers_count_per_producer_and_queue
                any_bytes_are_delivered_under_an_id_of_their_own
                the_largest_batch_fits
                a_full_queue_refuses_and_changes_nothing
            }
            turn {
                takes_no_more_than_wanted_and_says_what_is_left
                what_one_worker_holds_no_other_gets
                a_repeat_gives_the_same_and_changes_nothing
                a_repeated_first_turn_gives_the_same
                the_largest_turn_fits
                a_missing_number_means_that_the_worker_starts_anew
                every_message_is_taken_exactly_once
            }
            settle {
                done_removes
                retry_waits_with_its_new_content
                returned_messages_are_first_again_in_order
                dead_is_kept_with_its_reason
                a_second_settlement_is_refused
                only_the_holder_settles
                each_outcome_is_counted
            }
            delay {
                due_messages_come_in_the_order_of_their_times
                a_past_time_means_now
                a_future_time_is_waited_for
                a_retry_is_not_ready_before_its_time
                many_due_messages_all_come
            }
            lease {
                a_renewed_lease_is_held
                only_leases_that_ran_out_are_reported
                the_next_expiry_is_told
                a_late_worker_that_was_not_recovered_goes_on
                a_recovered_worker_is_lost
                a_lost_worker_comes_back_under_a_new_name
            }
            records {
                a_renewal_writes_the_record
                the_record_goes_when_the_worker_leaves
                the_record_goes_after_three_leases
                what_is_asked_is_told_by_the_renewal
                an_unregistered_worker_has_no_record
            }
            recover {
                a_live_worker_is_left_alone
                messages_go_to_the_head_in_their_order
                each_recovery_is_counted_on_the_message
                leaving_is_not_counted_on_the_message
                a_large_holding_takes_several_calls
                two_who_recover_return_each_message_once
            }
            admin {
                queues_are_listed_sorted
                an_unknown_queue_is_all_zeros
                dead_letters_are_listed_latest_first
                a_dead_letter_is_replayed_once
                a_dead_letter_is_deleted_once
                clearing_deletes_what_waits_and_nothing_else
                clearing_ends_at_its_limit
                a_cleared_message_has_no_past
                the_count_of_dead_letters_is_bounded
                the_age_of_dead_letters_is_bounded
            }
            wait {
                a_publish_wakes
                any_of_several_queues_wakes
                an_earlier_due_time_wakes
                a_later_due_time_does_not_wake
                nothing_to_do_ends_by_itself
                one_event_wakes_one_of_several
                a_turn_that_leaves_messages_wakes_the_next
                recovered_and_replayed_messages_wake
                no_queue_is_preferred
            }
        }
    };
    (@shared $servers:ident; $($part:ident { $($promise:ident)* })*) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn every_promise() {
            let (_keeper, url) = $servers().await;
            $($(
                eprintln!("{}", stringify!($promise));
                let options = $crate::conformance::namespace(stringify!($promise));
                let broker = ::ltq_core::broker::connect(&url, &options).await.unwrap();
                let promise = $crate::conformance::$part::$promise(::std::sync::Arc::clone(&broker));
                $crate::conformance::in_time(promise).await;
                broker.close().await;
            )*)*
        }
    };
    (@each $fixture:ident; $($part:ident { $($promise:ident)* })*) => {
        $(
            mod $part {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $promise() {
                        let fixture = super::$fixture().await;
                        let broker = ::std::sync::Arc::clone(&fixture.broker);
                        $crate::conformance::in_time($crate::conformance::$part::$promise(broker)).await;
                        fixture.broker.close().await;
                    }
                )*
            }
        )*
    };
}

/// The longest any promise may take; far beyond what it needs, so that only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(60);
/// A lease that does not run out during a test.
pub(crate) const LONG: Duration = Duration::from_secs(600);
/// A lease that runs out soon.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

/// Options for a broker that shares its servers with others.
#[must_use]
pub fn namespace(name: &str) -> ConnectOptions {
    ConnectOptions::default().namespace(name)
}

/// Ends a promise that hangs.
pub async fn in_time<T>(promise: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, promise).await.expect("the promise was not kept within a minute")
}

/// Asks again and again until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    in_time(async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// Waits once until one of `queues` wakes, over connections of its own.
pub async fn wait(
    broker: &Arc<dyn Broker>,
    queues: &[QueueName],
    at_most: Duration,
) -> Result<Option<QueueName>, BrokerError> {
    let mut waits = broker.waits(queues);
    let (woken, _, _) = select_all(waits.iter_mut().map(|wait| wait.wait(at_most))).await;
    woken
}

/// Waits until `watcher` is told that the lease of `worker` ran out.
pub(crate) async fn until_expired(watcher: &Hand, worker: &WorkerId) {
    eventually(|| async {
        let renewal = watcher.broker.renew(&watcher.queue, &watcher.id, LONG).await.unwrap();
        renewal.expired.contains(worker).then_some(())
    })
    .await;
}

pub(crate) fn queue(name: &str) -> QueueName {
    QueueName::new(name).unwrap()
}

pub(crate) async fn stats(broker: &Arc<dyn Broker>, queue: &QueueName) -> QueueStats {
    broker.stats(queue).await.unwrap()
}

/// The bytes of a message; `number` tells it apart.
pub(crate) fn message(number: u64) -> Bytes {
    message_with_id(MessageId::new(), number)
}

/// Other content under the same id.
pub(crate) fn message_with_id(id: MessageId, number: u64) -> Bytes {
    let args = encode_args(&std::collections::BTreeMap::from([("number", number)])).unwrap();
    Envelope::new(id, "conformance::task", "q", 0, &args).encode()
}

/// `count` messages in the order of their ids.
pub(crate) fn messages(count: u64) -> Vec<Bytes> {
    (0..count).map(message).collect()
}

pub(crate) fn payloads(deliveries: &[Delivered]) -> Vec<Bytes> {
    deliveries.iter().map(|delivered| delivered.payload.clone()).collect()
}

pub(crate) fn done(deliveries: &[Delivered]) -> Vec<Settlement> {
    deliveries.iter().map(Delivered::done).collect()
}

pub(crate) fn dead(delivered: &Delivered) -> Settlement {
    delivered.dead(DeadLetter::new(delivered.id, DeadReason::Failed, "no luck", 3, delivered.payload.clone()))
}

/// One producer on one queue.
pub(crate) struct Sender {
    broker: Arc<dyn Broker>,
    pub(crate) next: Publish,
}

impl Sender {
    pub(crate) fn new(broker: &Arc<dyn Broker>, queue: &QueueName) -> Self {
        let next = Publish::new(queue.clone(), ProducerId::new(), 1, Vec::new());
        Self { broker: Arc::clone(broker), next }
    }

    /// Sends to another queue from now on.
    pub(crate) fn to(mut self, queue: &QueueName) -> Self {
        self.next.queue = queue.clone();
        self
    }

    /// Sends under this number next.
    pub(crate) fn numbered(&mut self, sequence: u64) -> &mut Self {
        self.next.sequence = sequence;
        self
    }

    /// Publishes messages that are ready at once.
    pub(crate) async fn send(&mut self, payloads: &[Bytes]) {
        self.send_due(payloads.iter().map(|payload| (payload.clone(), Due::Now))).await;
    }

    /// Publishes messages, each with its time.
    pub(crate) async fn send_due(&mut self, entries: impl IntoIterator<Item = (Bytes, Due)>) {
        self.next.entries = entries.into_iter().map(|(payload, due)| Entry { payload, due }).collect();
        self.broker.publish(&self.next).await.unwrap();
        self.next.sequence += 1;
    }
}

/// One incarnation of a worker on one queue, driven by hand.
pub(crate) struct Hand {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) queue: QueueName,
    pub(crate) id: WorkerId,
    pub(crate) limits: DeadLimits,
    lease: Duration,
    sequence: u64,
}

impl Hand {
    /// A worker that is registered by its first turn.
    pub(crate) fn new(broker: &Arc<dyn Broker>, queue: &QueueName, lease: Duration) -> Self {
        Self {
            broker: Arc::clone(broker),
            queue: queue.clone(),
            id: WorkerId::new(),
            limits: DeadLimits::default(),
            lease,
            sequence: 0,
        }
    }

    /// The next turn, to be changed and sent by [`Consume::turn`](ltq_core::broker::Consume::turn).
    pub(crate) fn next_turn(&mut self, settlements: Vec<Settlement>, want: usize) -> Turn {
        self.sequence += 1;
        Turn {
            queue: self.queue.clone(),
            worker: self.id.clone(),
            sequence: self.sequence,
            lease: self.lease,
            settlements,
            want,
            backlog: true,
            full: false,
            discarded: 0,
            dead_limits: self.limits,
        }
    }

    /// Makes a turn.
    pub(crate) async fn turn(&mut self, settlements: Vec<Settlement>, want: usize) -> TurnReply {
        let turn = self.next_turn(settlements, want);
        self.broker.turn(&turn).await.unwrap()
    }

    /// Takes up to `want` messages.
    pub(crate) async fn take(&mut self, want: usize) -> Vec<Delivered> {
        self.turn(Vec::new(), want).await.taken
    }

    /// Settles, all accepted.
    pub(crate) async fn settle(&mut self, settlements: Vec<Settlement>) -> TurnReply {
        let reply = self.turn(settlements, 0).await;
        assert_eq!((reply.lost, reply.refused), (false, 0));
        reply
    }

    /// Takes and finishes until `count` messages have come; each with what the broker's clock showed.
    pub(crate) async fn drain(&mut self, count: usize) -> Vec<(Delivered, u64)> {
        in_time(async {
            let mut taken = Vec::new();
            let mut settlements = Vec::new();
            while taken.len() < count {
                let reply = self.turn(settlements, 100).await;
                settlements = done(&reply.taken);
                let idle = reply.taken.is_empty();
                taken.extend(reply.taken.into_iter().map(|delivered| (delivered, reply.now_ms)));
                if idle {
                    let until_due = reply.next_due.unwrap_or(SHORT);
                    wait(&self.broker, std::slice::from_ref(&self.queue), until_due).await.unwrap();
                }
            }
            self.settle(settlements).await;
            taken
        })
        .await
    }
}
