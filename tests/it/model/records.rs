//! What processes tell with their renewals, the same to both brokers, and what both then know of them.

use std::sync::Arc;

use futures_util::future::join;
use ltq_core::broker::{Admin, Ask, Description, KnownTasks, ProcessState, Running, WorkerId};
use ltq_core::message::{MessageId, QueueName};

use super::world::{Brokers, Checked, same};

/// A process tells nothing, what it runs, or everything, as the clock has it.
pub(super) fn state(brokers: &Brokers, worker: &WorkerId) -> Option<ProcessState> {
    let now_ms = brokers.now_ms.get();
    let description = Description {
        host: "machine".to_owned(),
        pid: 7,
        worker: worker.to_string(),
        version: "1".to_owned(),
        deployment: now_ms.is_multiple_of(2).then(|| "blue".to_owned()),
        tasks: KnownTasks::These(vec![[7; 8]]),
    };
    let running = Running { task: "t".to_owned(), id: MessageId::from_bytes([7; 16]), since_ms: now_ms, attempt: 1 };
    let description = now_ms.is_multiple_of(3).then(|| Arc::new(description));
    (!now_ms.is_multiple_of(5)).then(|| ProcessState { busy: now_ms % 4, running: vec![running], description })
}

/// Now and then a process is asked for something.
pub(super) async fn ask(brokers: &Brokers, queue: &QueueName, worker: &WorkerId) -> Checked {
    if !brokers.now_ms.get().is_multiple_of(7) {
        return Ok(());
    }
    let process = worker.process();
    let asked = join(
        brokers.redis.ask_process(queue, &process, Ask::Quiet),
        brokers.memory.ask_process(queue, &process, Ask::Quiet),
    )
    .await;
    same("asking", asked.0.unwrap(), asked.1.unwrap())
}

/// Both brokers know the same of all processes.
pub(super) async fn check(brokers: &Brokers, queue: &QueueName) -> Checked {
    let (redis, memory) = join(brokers.redis.process_records(queue), brokers.memory.process_records(queue)).await;
    same("records", redis.unwrap(), memory.unwrap())
}
