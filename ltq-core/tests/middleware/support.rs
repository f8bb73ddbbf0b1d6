//! Deliveries without a worker: tasks made by hand, and a log they write to.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ltq_core::message::MessageId;
use ltq_core::task::{Context, ContextBuilder, Delivery, Output, RetryMessage, StateMap, TaskDef, TaskError};
use ltq_core::{BoxError, BoxFuture};

pub(crate) type Outcome = Result<Output, BoxError>;

/// What happened, in order. It is a state, as a database pool would be.
#[derive(Default, Clone)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) fn message(def: &'static TaskDef) -> ContextBuilder {
    Context::builder(MessageId::new(), def.name, def.queue.into())
}

pub(crate) fn first_attempt(def: &'static TaskDef) -> Delivery {
    deliver(def, message(def).build())
}

pub(crate) fn attempt(def: &'static TaskDef, attempt: u32) -> Delivery {
    deliver(def, message(def).attempt(attempt).build())
}

pub(crate) fn deliver(def: &'static TaskDef, context: Context) -> Delivery {
    Delivery::new(def, context, no_arguments(), Arc::default())
}

pub(crate) fn logged(def: &'static TaskDef, log: &Log) -> Delivery {
    let mut states = StateMap::default();
    states.insert(Arc::new(log.clone()));
    Delivery::new(def, message(def).build(), no_arguments(), Arc::new(states))
}

/// A MessagePack map of nothing.
fn no_arguments() -> Bytes {
    Bytes::from_static(&[0x80])
}

pub(crate) fn retry_of(outcome: Outcome) -> RetryMessage {
    *outcome.unwrap_err().downcast::<RetryMessage>().expect("a RetryMessage")
}

/// Notes that it ran, if there is a log.
pub(crate) fn succeed(delivery: Delivery) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        if let Some(log) = delivery.states().get::<Log>() {
            log.note("task");
        }
        Ok(Output::default())
    })
}

pub(crate) fn fail(_: Delivery) -> BoxFuture<'static, Outcome> {
    Box::pin(async { Err(TaskError::msg("the sky fell").into_boxed()) })
}

/// Never ends; notes whether its context was cancelled when it is dropped.
pub(crate) fn hang(delivery: Delivery) -> BoxFuture<'static, Outcome> {
    struct Dropped(Delivery);
    impl Drop for Dropped {
        fn drop(&mut self) {
            if let Some(log) = self.0.states().get::<Log>() {
                log.note(format!("dropped, cancelled: {}", self.0.context().is_cancelled()));
            }
        }
    }
    Box::pin(async move {
        let _dropped = Dropped(delivery);
        std::future::pending().await
    })
}

pub(crate) static SUCCEEDS: TaskDef = TaskDef::new("succeeds", "tests::succeeds", succeed);
pub(crate) static FAILS: TaskDef = TaskDef::new("fails", "tests::fails", fail);
pub(crate) static HANGS: TaskDef = TaskDef::new("hangs", "tests::hangs", hang);
