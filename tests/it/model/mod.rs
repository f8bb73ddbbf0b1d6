//! Property tests of the scripts: random lives of a queue on Redis and in memory at once.
//!
//! The broker in memory is the specification. Both are driven through [`Broker`](ltq_core::broker::Broker) by the same
//! steps, with clocks that only the steps move, and whatever either says must be what the other says: replies, their
//! order, numbers, dead letters, wake tokens. After each life the keys themselves are read: nothing in two places, nothing
//! left behind, nothing lost. `PROPTEST_CASES` says how many lives, 2,000 if it is not set.

mod names;
mod places;
mod steps;
mod world;

use fred::interfaces::ClientLike as _;
use ltq_core::broker::ConnectOptions;
use ltq_core::broker::memory::MemoryBroker;
use ltq_core::broker::redis::RedisBroker;
use ltq_tests::redis_server::RedisServer;
use proptest::collection::vec;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};

use self::steps::step;
use self::world::{Brokers, World};
use crate::redis_broker::bare;

/// When every life begins.
const START_MS: u64 = 1_700_000_000_000;

#[test]
fn the_scripts_do_what_the_broker_in_memory_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = RedisServer::start();
    let brokers = runtime.block_on(async {
        let options = ConnectOptions::default();
        Brokers {
            memory: MemoryBroker::with_clock(START_MS),
            redis: RedisBroker::with_clock(&server.unix_url(), &options, START_MS).await.unwrap(),
            bare: bare(&server).await,
            now_ms: std::cell::Cell::new(START_MS),
        }
    });
    let persistence = Some(Box::new(FileFailurePersistence::Off) as _);
    // `Config::default` reads the environment.
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { 2_000 };
    let config = Config { cases, failure_persistence: persistence, max_shrink_iters: 5_000, ..Config::default() };
    let lives = std::cell::Cell::new(0);
    let result = TestRunner::new(config).run(&vec(step(), 1..40), |steps| {
        let mut world = World::new(&brokers, lives.replace(lives.get() + 1));
        runtime
            .block_on(async {
                brokers.bare.flushall::<()>(true).await.unwrap();
                for (number, step) in steps.iter().enumerate() {
                    world.apply(step).await.map_err(|what| format!("step {number}, {step:?}:\n{what}"))?;
                }
                world.finish().await.map_err(|what| format!("at the end:\n{what}"))
            })
            .map_err(TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("the scripts and the broker in memory differ: {error}");
    }
}
