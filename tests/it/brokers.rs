//! Every broker keeps every promise of the suite in `tests/src/conformance`.

mod memory {
    use ltq_core::broker::memory::MemoryBroker;
    use ltq_tests::conformance::Fixture;

    async fn fixture() -> Fixture {
        Fixture::new(MemoryBroker::private(), ())
    }

    ltq_tests::conformance!(fixture);
}

// mod redis {
//     use ltq_core::broker::{ConnectOptions, connect};
//     use ltq_tests::conformance::Fixture;
//     use ltq_tests::redis_server::RedisServer;
//
//     /// A server of its own for each promise: it starts in milliseconds and ends with the test.
//     async fn fixture() -> Fixture {
//         let server = RedisServer::start().await;
//         let options = ConnectOptions::default().namespace("conformance");
//         Fixture::new(connect(&server.url(), &options).await.unwrap(), server)
//     }
//
//     ltq_tests::conformance!(fixture);
// }
