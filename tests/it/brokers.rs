//! Every broker keeps every promise of the suite in `tests/src/conformance`.

mod memory {
    use ltq_core::broker::memory::MemoryBroker;
    use ltq_tests::conformance::Fixture;

    async fn fixture() -> Fixture {
        Fixture::new(MemoryBroker::private(), ())
    }

    ltq_tests::conformance!(fixture);
}

/// Every message is taken as a batch.
mod redis_in_batches {
    use ltq_core::broker::ConnectOptions;
    use ltq_core::broker::redis::RedisBroker;
    use ltq_tests::conformance::Fixture;
    use ltq_tests::redis_server::RedisServer;

    async fn fixture() -> Fixture {
        let server = RedisServer::start();
        let options = ConnectOptions::default();
        let broker = RedisBroker::with_blocks_from(1, &server.url(), &options, None).await.unwrap();
        Fixture::new(broker, server)
    }

    ltq_tests::conformance!(fixture);
}

mod redis {
    use ltq_core::broker::{ConnectOptions, connect};
    use ltq_tests::conformance::Fixture;
    use ltq_tests::redis_server::RedisServer;

    async fn fixture() -> Fixture {
        let server = RedisServer::start();
        let broker = connect(&server.url(), &ConnectOptions::default()).await.unwrap();
        Fixture::new(broker, server)
    }

    ltq_tests::conformance!(fixture);
}
