//! What a delivery allocates on its way through the stack that a worker begins with: exactly, unlike the figures of a whole
//! run. It is one test, because the whole process is counted.

use std::alloc::System;
use std::hint::black_box;
use std::sync::Arc;

use alloc_tracker::{Allocator, Session};
use bytes::Bytes;
use ltq::{Context, Delivery, Task};
use ltq_core::middleware::{MaxAge, Next, RateLimit, Retry, Stack, Timeout};

#[global_allocator]
static ALLOCATOR: Allocator<System> = Allocator::system();

#[ltq::task]
async fn nothing() {}

#[ltq::task]
async fn number() -> u64 {
    7
}

/// The allocations of one delivery; what it is made of is allocated before.
async fn allocations(stack: &Next, delivery: Delivery) -> u64 {
    let next = stack.clone();
    let session = Session::new().no_stdout().no_file();
    let operation = session.operation("delivery");
    let span = operation.measure_process();
    let _ = black_box(next.run(delivery).await);
    drop(span.iterations(1));
    drop(operation);
    session.to_report().operations().map(|(_, operation)| operation.total_allocations_count()).sum()
}

fn delivery<T: Task>(_: T) -> Delivery {
    Delivery::new(T::DEF, Context::detached(), Bytes::from_static(&[0x80]), Arc::default())
}

#[tokio::test]
async fn a_plain_task_costs_two_and_a_value_that_is_wanted_one_more() {
    let stack = Stack::new()
        .middleware(MaxAge::new())
        .middleware(RateLimit::per_task())
        .middleware(Retry::default())
        .middleware(Timeout::default())
        .build();
    // Whatever is made once, is.
    allocations(&stack, delivery(number)).await;
    assert_eq!(allocations(&stack, delivery(nothing)).await, 2);
    assert_eq!(allocations(&stack, delivery(number)).await, 3);
    assert_eq!(allocations(&stack, delivery(number).without_output()).await, 2);
}
