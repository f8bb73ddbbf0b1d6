//! What a worker checks before it starts, so that a mistake is reported at once and not by a message at night.

use std::sync::Arc;
use std::time::Duration;

use super::builder::Worker;
use super::error::WorkerError;
use super::options::WorkerOptions;
use crate::message::QueueName;
use crate::middleware::Next;
use crate::task::{MissingState, Registry, StateMap};

/// A worker whose parts fit together.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) queues: Vec<QueueName>,
    pub(super) registry: Registry,
    pub(super) states: Arc<StateMap>,
    pub(super) stack: Next,
    pub(super) options: WorkerOptions,
}

pub(super) fn check(worker: Worker) -> Result<Plan, WorkerError> {
    let Worker { name, queues, tasks, states, stack, options, health: _, runtime_threads: _ } = worker;
    check_options(&options)?;
    let queues = queues.iter().map(|queue| QueueName::new(queue)).collect::<Result<Vec<_>, _>>()?;
    let registry = match tasks {
        Some(tasks) => Registry::of(tasks)?,
        None => Registry::collect()?,
    };
    check_tasks(&name, &queues, &registry)?;
    check_states(&queues, &registry, &states)?;
    Ok(Plan { name, queues, registry, states: Arc::new(states), stack: stack.build()?, options })
}

fn check_options(options: &WorkerOptions) -> Result<(), WorkerError> {
    let invalid = |option, value: String, rule| Err(WorkerError::InvalidOption { option, value, rule });
    if options.concurrency == 0 {
        return invalid("concurrency", "0".to_owned(), "it must be at least 1");
    }
    if options.lease < Duration::from_millis(100) {
        return invalid("lease", format!("{:?}", options.lease), "it must be at least 100 ms; 8 s is the default");
    }
    if options.watchdog < options.lease {
        return invalid("watchdog", format!("{:?}", options.watchdog), "it must not be shorter than the lease");
    }
    Ok(())
}

fn check_tasks(worker: &str, queues: &[QueueName], registry: &Registry) -> Result<(), WorkerError> {
    let tasks = registry.tasks();
    let nothing = |reason| Err(WorkerError::NoTasks { worker: worker.to_owned(), reason });
    if tasks.is_empty() {
        return nothing(
            "no task is linked into this program; put `#[ltq::task]` on a function, and `use my_crate as _;` if it is in \
             another crate"
                .to_owned(),
        );
    }
    if queues.is_empty() {
        return nothing("it serves no queue; add one with `.queue(…)`".to_owned());
    }
    // A message may go to another queue than its task's own, so only a worker none of whose queues has a task is
    // certainly a mistake.
    if !tasks.iter().any(|task| queues.iter().any(|queue| queue.as_str() == task.queue)) {
        let mut known: Vec<_> = tasks.iter().map(|task| format!("`{}`", task.queue)).collect();
        known.sort_unstable();
        known.dedup();
        let served: Vec<_> = queues.iter().map(|queue| format!("`{queue}`")).collect();
        return nothing(format!(
            "it serves {}, but the tasks of this program use {}; add `.queue(…)` to the worker or `queue = \"…\"` to a task",
            served.join(", "),
            known.join(", "),
        ));
    }
    Ok(())
}

/// A task that uses none of the worker's queues may belong to another worker of the program, with other states.
fn check_states(queues: &[QueueName], registry: &Registry, states: &StateMap) -> Result<(), WorkerError> {
    for task in registry.tasks() {
        if !queues.iter().any(|queue| queue.as_str() == task.queue) {
            continue;
        }
        if let Some(missing) = task.states.iter().find(|state| !states.provides(state)) {
            return Err(MissingState { task: task.name, type_name: missing.type_name() }.into());
        }
    }
    Ok(())
}
