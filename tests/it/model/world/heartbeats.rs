//! What a heartbeat does: it renews a lease, tells of the process, and recovers what others held.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use ltq_core::broker::{Admin, Ask, Consume, Description, KnownTasks, ProcessState, Recovery, Running, WorkerId};
use ltq_core::message::MessageId;

use super::{Checked, World, same};

impl World<'_> {
    /// What is known of the processes.
    async fn check_records(&self) -> Checked {
        let (redis, memory) = (&self.brokers.redis, &self.brokers.memory);
        let (redis, memory) = join(redis.process_records(&self.queue), memory.process_records(&self.queue)).await;
        same("records", redis.unwrap(), memory.unwrap())
    }

    /// A process tells nothing, what it runs, or everything, as the clock has it.
    fn process_state(&self, worker: &WorkerId) -> Option<ProcessState> {
        let now_ms = self.brokers.now_ms.get();
        let description = Description {
            host: "machine".to_owned(),
            pid: 7,
            worker: worker.to_string(),
            version: "1".to_owned(),
            deployment: now_ms.is_multiple_of(2).then(|| "blue".to_owned()),
            tasks: KnownTasks::These(vec![[7; 8]]),
        };
        let running =
            Running { task: "t".to_owned(), id: MessageId::from_bytes([7; 16]), since_ms: now_ms, attempt: 1 };
        let description = now_ms.is_multiple_of(3).then(|| Arc::new(description));
        (!now_ms.is_multiple_of(5)).then(|| ProcessState { busy: now_ms % 4, running: vec![running], description })
    }

    pub(super) async fn renew(&self, worker: &WorkerId, lease: Duration) -> Result<Vec<WorkerId>, String> {
        let (queue, state) = (&self.queue, &self.process_state(worker));
        let state = state.as_ref();
        let (redis, memory) = (&self.brokers.redis, &self.brokers.memory);
        let (redis, memory) =
            join(redis.renew_with(queue, worker, lease, state), memory.renew_with(queue, worker, lease, state)).await;
        let (redis, memory) = (redis.unwrap(), memory.unwrap());
        same("renewal", redis, memory.clone())?;
        let asked = self.brokers.now_ms.get().is_multiple_of(7);
        if asked && state.is_some() {
            let (redis, memory) = (&self.brokers.redis, &self.brokers.memory);
            let process = worker.process();
            let (redis, memory) =
                join(redis.ask_process(queue, &process, Ask::Quiet), memory.ask_process(queue, &process, Ask::Quiet))
                    .await;
            same("asking", redis.unwrap(), memory.unwrap())?;
        }
        self.check_records().await?;
        Ok(memory.expired)
    }

    /// Says whether the worker still holds some.
    pub(super) async fn recover(&self, worker: &WorkerId, recovery: Recovery) -> Result<bool, String> {
        let (redis, memory) = (&self.brokers.redis, &self.brokers.memory);
        let (redis, memory) =
            join(redis.recover(&self.queue, worker, recovery), memory.recover(&self.queue, worker, recovery)).await;
        let (redis, memory) = (redis.unwrap(), memory.unwrap());
        same("recovery", redis, memory)?;
        self.check_records().await?;
        Ok(memory.more)
    }
}
