//! Property tests of the scripts: random lives of a queue on Redis and in memory at once.
//!
//! The broker in memory is the specification. Both are driven through [`Broker`](ltq_core::broker::Broker) by the same
//! steps, with clocks that only the steps move, and whatever either says must be what the other says: replies, their
//! order, numbers, dead letters, wake tokens. After each life the keys themselves are read: nothing in two places, nothing
//! left behind, nothing lost. `PROPTEST_CASES` says how many lives, 2,000 if it is not set.

mod payload;
mod places;
mod steps;
mod world;

use std::cell::Cell;

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

/// How many lives run at once, each on a server of its own.
const AT_ONCE: u32 = 4;

#[test]
fn the_scripts_do_what_the_broker_in_memory_does() {
    // `Config::default` reads the environment.
    let lives = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { 2_000 };
    let difference = std::thread::scope(|scope| {
        let blocks_from = |thread| if thread % 2 == 0 { 1 } else { 32 };
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|thread| scope.spawn(move || live(lives.div_ceil(AT_ONCE), blocks_from(thread))))
            .collect();
        // All are waited for, so that every server is stopped.
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        results.into_iter().find_map(Result::err)
    });
    if let Some(difference) = difference {
        panic!("the scripts and the broker in memory differ: {difference}");
    }
}

/// So many lives, one after the other, in which so many messages or more are taken as a block. The error is the shortest life in which the brokers differ.
fn live(lives: u32, blocks_from: usize) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = RedisServer::start();
    let brokers = runtime.block_on(async {
        let options = ConnectOptions::default();
        Brokers {
            memory: MemoryBroker::with_clock(START_MS),
            redis: RedisBroker::with_blocks_from(blocks_from, &server.unix_url(), &options, Some(START_MS))
                .await
                .unwrap(),
            bare: bare(&server).await,
            now_ms: Cell::new(START_MS),
        }
    });
    let failure_persistence = Some(Box::new(FileFailurePersistence::Off) as _);
    let config = Config { cases: lives, failure_persistence, max_shrink_iters: 5_000, ..Config::default() };
    let life = Cell::new(0);
    let result = TestRunner::new(config).run(&vec(step(), 1..40), |steps| {
        let mut world = World::new(&brokers, life.replace(life.get() + 1));
        let lived = runtime.block_on(async {
            brokers.bare.flushall::<()>(true).await.unwrap();
            for (number, step) in steps.iter().enumerate() {
                world.apply(step).await.map_err(|what| format!("step {number}, {step:?}:\n{what}"))?;
            }
            world.finish().await.map_err(|what| format!("at the end:\n{what}"))
        });
        lived.map_err(TestCaseError::fail)
    });
    result.map_err(|error| error.to_string())
}
