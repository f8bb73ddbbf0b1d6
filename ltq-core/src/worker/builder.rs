//! [`Worker`]: the builder users write. It only collects; a mistake in it is reported when the worker starts.
//!
//! Next: `worker/start.rs`.

use std::sync::Arc;
use std::time::Duration;

use tower::{Layer, Service};

use super::health::Health;
use super::options::WorkerOptions;
use crate::BoxError;
use crate::broker::DeadLimits;
use crate::middleware::{Middleware, Next, Side, WorkerStack};
use crate::task::{Delivery, Output, State, StateMap, TaskDef};

/// A worker, before it runs: which queues it serves and how.
#[derive(Debug)]
#[must_use = "a worker does nothing until it runs"]
pub struct Worker {
    pub(super) name: String,
    pub(super) queues: Vec<String>,
    pub(super) tasks: Option<Vec<&'static TaskDef>>,
    pub(super) states: StateMap,
    pub(super) stack: WorkerStack,
    pub(super) options: WorkerOptions,
    pub(super) health: Health,
    /// The threads of its own runtime, if it has one.
    pub(super) runtime_threads: Option<usize>,
}

impl Worker {
    /// A worker that serves the queue `name`; [`queue`](Self::queue) adds more.
    ///
    /// It runs every task linked into the program, whichever arrives on its queues.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let options = WorkerOptions::default();
        Self {
            health: Health::new(options.watchdog),
            queues: vec![name.clone()],
            name,
            tasks: None,
            states: StateMap::default(),
            stack: WorkerStack::default(),
            options,
            runtime_threads: None,
        }
    }

    /// A worker for just these tasks, which serves their queues.
    pub fn for_tasks(name: impl Into<String>, tasks: impl IntoIterator<Item = &'static TaskDef>) -> Self {
        let tasks: Vec<_> = tasks.into_iter().collect();
        let mut worker = Self::new(name);
        worker.queues = tasks.iter().map(|task| task.queue.to_owned()).collect();
        worker.queues.sort_unstable();
        worker.queues.dedup();
        worker.tasks = Some(tasks);
        worker
    }

    /// The worker's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The queues it serves.
    #[must_use]
    pub fn queue_names(&self) -> &[String] {
        &self.queues
    }

    /// Serves one more queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        let queue = queue.into();
        if !self.queues.contains(&queue) {
            self.queues.push(queue);
        }
        self
    }

    /// Serves these queues and no others.
    pub fn queues<Q: Into<String>>(mut self, queues: impl IntoIterator<Item = Q>) -> Self {
        self.queues.clear();
        queues.into_iter().fold(self, Self::queue)
    }

    /// How many tasks run at once, at least 1. Default 100.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.options.concurrency = concurrency;
        self
    }

    /// Shares a value with every task that asks for `State<T>`.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(Arc::new(value));
        self
    }

    /// Shares a value that the program keeps a hold of.
    pub fn shared_state<T: Send + Sync + 'static>(mut self, value: State<T>) -> Self {
        self.states.insert(value.into_shared());
        self
    }

    /// Adds a middleware inside those already added.
    ///
    /// A worker begins with [`MaxAge`], [`RateLimit`] and [`Retry`] outside all that is added and [`Timeout`] inside it,
    /// which act on what tasks ask for in their attribute. Adding one of these types replaces the one it began with.
    ///
    /// [`MaxAge`]: crate::middleware::MaxAge
    /// [`RateLimit`]: crate::middleware::RateLimit
    /// [`Retry`]: crate::middleware::Retry
    /// [`Timeout`]: crate::middleware::Timeout
    pub fn middleware<M: Middleware>(mut self, middleware: M) -> Self {
        self.stack = self.stack.middleware(middleware);
        self
    }

    /// Adds a layer of tower inside those already added.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Next> + Send + 'static,
        L::Service: Service<Delivery, Response = Output> + Clone + Send + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send,
    {
        self.stack = self.stack.layer(layer);
        self
    }

    /// Adds a middleware directly before the one of the type `T`: outside it, so that it sees a delivery earlier.
    ///
    /// `T` is a middleware or a layer that the worker has by now, one it began with or one added by an earlier call.
    /// Of several of that type the outermost counts. Where there is none the worker refuses to start.
    ///
    /// ```
    /// # use ltq_core::{BoxError, middleware::{Middleware, Next, Retry}, worker::Worker};
    /// # use ltq_core::task::{Delivery, Output};
    /// # struct Audit;
    /// # impl Middleware for Audit {
    /// #     async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> { next.run(delivery).await }
    /// # }
    /// // Sees a message once per attempt, and errors after `Retry` has decided about them.
    /// let worker = Worker::new("github").middleware_before::<Retry>(Audit);
    /// ```
    pub fn middleware_before<T: 'static>(mut self, middleware: impl Middleware) -> Self {
        self.stack = self.stack.insert::<T, _>(Side::Before, middleware);
        self
    }

    /// Adds a middleware directly after the one of the type `T`: inside it. Of several of that type the innermost counts.
    /// Otherwise as [`middleware_before`](Self::middleware_before).
    pub fn middleware_after<T: 'static>(mut self, middleware: impl Middleware) -> Self {
        self.stack = self.stack.insert::<T, _>(Side::After, middleware);
        self
    }

    /// Takes away every middleware or layer of the type `T` that the worker has by now. Those an [`App`](super::App) puts around all
    /// its workers stay.
    pub fn without_middleware<T: 'static>(mut self) -> Self {
        self.stack = self.stack.without::<T>();
        self
    }

    /// Takes away the middleware a worker begins with: what is added is all there is.
    pub fn without_default_middleware(mut self) -> Self {
        self.stack = self.stack.without_defaults();
        self
    }

    /// How long running tasks may take to finish when the worker is asked to stop. Default 25 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.options.shutdown_timeout = timeout;
        self
    }

    /// How long a worker's messages stay its own without a sign of life. Default 8 s, renewed every quarter of it.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.options.lease = lease;
        self
    }

    /// How long a message whose task nobody knows is put back before it becomes a dead letter. Default 60 s: time for a
    /// deployment to reach every worker.
    pub fn unknown_task_grace(mut self, grace: Duration) -> Self {
        self.options.unknown_task_grace = grace;
        self
    }

    /// How often a message may be recovered from a dead worker before it becomes a dead letter. Default 5.
    pub fn max_recoveries(mut self, recoveries: u64) -> Self {
        self.options.max_recoveries = recoveries;
        self
    }

    /// How many dead letters are kept per queue and for how long. Default 10,000 and 30 days.
    pub fn dead_letters(mut self, limits: DeadLimits) -> Self {
        self.options.dead_limits = limits;
        self
    }

    /// How long the worker may make no progress, or the broker may be away, before it ends with an error so that its
    /// supervisor restarts it. Default 5 min.
    pub fn watchdog(mut self, limit: Duration) -> Self {
        self.options.watchdog = limit;
        self
    }

    /// How long the fetch loop may make no progress, or the leases may go without being renewed, before
    /// [`Health::is_ready`] says no. Default two leases, 16 s; at least 3 s. The worker itself goes on.
    pub fn ready_within(mut self, bound: Duration) -> Self {
        self.options.ready_within = Some(bound);
        self
    }

    /// What is deployed, as you call it: a version, a commit. It stands in the worker's record at the broker. Default: what the
    /// environment says in `LTQ_DEPLOYMENT`.
    pub fn deployment(mut self, deployment: impl Into<String>) -> Self {
        self.options.deployment = Some(deployment.into());
        self
    }

    /// Ends the whole process with exit code 70 when the watchdog has given up and the worker does not end by itself
    /// within 10 s, because its runtime hangs. `ltq::run` and `ltq run` ask for it.
    pub fn exit_when_stalled(mut self) -> Self {
        self.options.exit_when_stalled = true;
        self
    }

    /// Gives the worker a runtime of its own with so many threads, at least 1, and connections of its own, so that tasks
    /// that compute for long hold up no other worker of the process. By default it runs where it is started.
    ///
    /// Values that are bound to the runtime they were made on, as some connection pools are, stay bound to that one.
    pub fn own_runtime(mut self, threads: usize) -> Self {
        self.runtime_threads = Some(threads);
        self
    }

    /// Watches whether the worker makes progress; for probes.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }
}
