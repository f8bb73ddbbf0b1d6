//! [`App`]: several workers in one process, with what they share.
//!
//! They end together: a process of which one worker is gone looks alive and is not, so the first that fails stops the
//! others in good order and its error is the result.
//!
//! Next: `worker/run.rs`, for each of them.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::task::JoinSet;

use super::builder::Worker;
use super::error::WorkerError;
use super::shutdown::Shutdown;
use crate::broker::{BrokerError, DEFAULT_URL};
use crate::client::{self, Client, ClientBuilder};
use crate::middleware::{Middleware, WorkerStack};
use crate::task::{State, StateMap};

/// Several workers that run in one process and stop together.
///
/// ```
/// use ltq_core::worker::{App, Worker};
///
/// # struct Pool;
/// let app = App::new()
///     .worker(Worker::new("mail").concurrency(200))
///     // Its tasks compute for long; they get two threads of their own.
///     .worker(Worker::new("reports").concurrency(2).own_runtime(2))
///     .state(Pool);
/// ```
///
/// `ltq::run` takes one, and a function marked `#[ltq::worker]` may return one.
#[derive(Default)]
#[must_use = "an app does nothing until it runs"]
pub struct App {
    workers: Vec<Worker>,
    states: StateMap,
    middleware: Vec<Shared>,
    client: Option<ClientBuilder>,
}

/// Adds one middleware to the stack of one worker.
type Shared = Box<dyn Fn(WorkerStack) -> WorkerStack + Send + Sync>;

impl App {
    /// An app without workers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a worker.
    pub fn worker(mut self, worker: Worker) -> Self {
        self.workers.push(worker);
        self
    }

    /// Shares a value with the tasks of all workers. A worker's own value of the same type wins.
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.shared_state(State::new(value))
    }

    /// Shares a value that the program keeps a hold of.
    pub fn shared_state<T: Send + Sync + 'static>(mut self, value: State<T>) -> Self {
        self.states.insert(value.into_shared());
        self
    }

    /// Adds a middleware to all workers: outside everything they have, inside those the app has already. It is one value
    /// for all of them, so what it counts or limits it counts and limits for the whole process.
    ///
    /// [`MaxAge`], [`RateLimit`], [`Retry`] and [`Timeout`] take the place of the one each worker began with instead. A
    /// worker that replaced its own, or took it away, keeps its choice.
    ///
    /// [`MaxAge`]: crate::middleware::MaxAge
    /// [`RateLimit`]: crate::middleware::RateLimit
    /// [`Retry`]: crate::middleware::Retry
    /// [`Timeout`]: crate::middleware::Timeout
    pub fn middleware<M: Middleware>(mut self, middleware: M) -> Self {
        let middleware = Arc::new(middleware);
        self.middleware.push(Box::new(move |stack| stack.shared(&middleware)));
        self
    }

    /// Changes each worker added so far: `.each(|worker| worker.concurrency(10))`.
    pub fn each(mut self, change: impl FnMut(Worker) -> Worker) -> Self {
        self.workers = self.workers.into_iter().map(change).collect();
        self
    }

    /// The settings of the client the workers run on and their tasks send with: namespace, limits, send middleware.
    /// [`run`](Self::run) and `ltq::run` connect it; [`run_until`](Self::run_until) is given a client that has its
    /// settings already.
    pub fn client(mut self, settings: ClientBuilder) -> Self {
        self.client = Some(settings);
        self
    }

    /// The workers added so far.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    /// The settings of the client, if there are any.
    #[must_use]
    pub fn client_settings(&self) -> Option<&ClientBuilder> {
        self.client.as_ref()
    }

    /// The workers, each with its share of what the app has for all of them.
    #[must_use]
    pub fn into_workers(self) -> Vec<Worker> {
        let Self { workers, states, middleware, client: _ } = self;
        let share = |mut worker: Worker| {
            worker.states.add_missing(&states);
            worker.stack = middleware.iter().fold(worker.stack, |stack, add| add(stack));
            worker
        };
        workers.into_iter().map(share).collect()
    }

    /// Runs until ctrl-c or SIGTERM, on the process-wide client; with [`client`](Self::client) on one of those settings
    /// at `LTQ_URL`, which becomes the process-wide one. A second signal hands back what still runs.
    ///
    /// # Errors
    ///
    /// As [`run_until`](Self::run_until), or the client cannot be connected.
    pub async fn run(self) -> Result<(), AppError> {
        let client = match self.client.clone() {
            None => client::current().await?,
            Some(settings) => {
                let url = std::env::var("LTQ_URL").unwrap_or_else(|_| DEFAULT_URL.to_owned());
                let client = settings.connect(&url).await?;
                client::set_current(client.clone());
                client
            }
        };
        let shutdown = Shutdown::new();
        let signals = shutdown.on_signals().map_err(AppError::Signals)?;
        tokio::select! {
            result = self.run_until(client, shutdown) => result,
            () = signals => Ok(()),
        }
    }

    /// Runs all workers until `shutdown` is asked for, on the broker of `client`, with which their tasks send. The first that fails stops the others:
    /// their running tasks may finish, as when `shutdown` is asked for.
    ///
    /// # Errors
    ///
    /// There is no worker, or one could not start or had to give up; the error of the first names it.
    pub async fn run_until(self, client: Client, shutdown: Shutdown) -> Result<(), AppError> {
        // A child, because the failure of a worker is not a request of whoever holds the original.
        let shutdown = shutdown.child();
        let mut running = JoinSet::new();
        for worker in self.into_workers() {
            let (client, shutdown) = (client.clone(), shutdown.clone());
            running.spawn(async move {
                let name = worker.name().to_owned();
                let ended = AssertUnwindSafe(worker.run_until(client, shutdown)).catch_unwind().await;
                let result = ended.unwrap_or(Err(WorkerError::Panicked));
                result.map_err(|source| AppError::Worker { worker: name, source })
            });
        }
        if running.is_empty() {
            return Err(AppError::NoWorker);
        }
        let mut first = Ok(());
        while let Some(ended) = running.join_next().await {
            // A worker's panic is caught above and nobody aborts it, so `ended` is what it returned.
            if let Ok(Err(error)) = ended
                && first.is_ok()
            {
                if !running.is_empty() {
                    tracing::error!(%error, "a worker failed; the others stop");
                }
                // Asking twice would hand back what a stop that is already under way still waits for.
                if !shutdown.is_requested() {
                    shutdown.request();
                }
                first = Err(error);
            }
        }
        first
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("workers", &self.workers)
            .field("states", &self.states)
            .field("middleware", &self.middleware.len())
            .field("client", &self.client)
            .finish()
    }
}

/// What can be run: a [`Worker`], or an [`App`] of several.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a worker nor an app",
    label = "`ltq::Worker` or `ltq::App` is expected here"
)]
pub trait IntoApp {
    /// The app; a worker alone is an app of one.
    fn into_app(self) -> App;
}

impl IntoApp for App {
    fn into_app(self) -> App {
        self
    }
}

impl IntoApp for Worker {
    fn into_app(self) -> App {
        App::new().worker(self)
    }
}

/// Why an app did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// Nothing would ever run.
    #[error("the app has no worker: add one with `App::worker`")]
    NoWorker,
    /// A worker failed; it was the first.
    #[error("the worker `{worker}` failed")]
    Worker {
        /// Its name.
        worker: String,
        /// Why.
        #[source]
        source: WorkerError,
    },
    /// The client cannot be connected.
    #[error(transparent)]
    Client(#[from] BrokerError),
    /// The process cannot listen to signals.
    #[error("the app could not start listening to signals")]
    Signals(#[source] std::io::Error),
}
