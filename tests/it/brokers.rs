//! Every broker keeps every promise of the suite in `tests/src/conformance`.

mod memory {
    use ltq_core::broker::memory::MemoryBroker;
    use ltq_tests::conformance::Fixture;

    async fn fixture() -> Fixture {
        Fixture::new(MemoryBroker::private(), ())
    }

    ltq_tests::conformance!(fixture);
}
