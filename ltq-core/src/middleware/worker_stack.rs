//! [`WorkerStack`]: the levels of a worker, in one list, outermost first. Each stands in a [`Zone`].
//!
//! `Timeout` begins innermost, not beside the other levels that a worker begins with: then it stays inside a `Retry` the
//! user adds, and an attempt that runs out of time is tried again. What waits in the user's levels does not count as the
//! task's time.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use tower::{Layer, Service};

use super::level::{InvalidMiddleware, Level};
use super::{MaxAge, Middleware, Next, RateLimit, Retry, Timeout};
use crate::BoxError;
use crate::task::{Delivery, Output};

/// All levels of a worker, sorted by zone.
pub(crate) struct WorkerStack {
    levels: Vec<Placed>,
    /// The first middleware whose place does not exist. Reported when the worker starts, as wrong settings are.
    misplaced: Option<InvalidMiddleware>,
}

/// Where in the stack a level stands, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Zone {
    /// Those of the app around everything.
    App,
    /// Those a worker begins with, outside what its user adds.
    Outer,
    /// Those its user added.
    Added,
    /// Those a worker begins with, inside what its user adds.
    Inner,
}

struct Placed {
    zone: Zone,
    /// Whether the worker began with it, so that one of the same type takes its place.
    is_default: bool,
    level: Level,
}

/// On which side of another level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Outside it: a delivery meets the new level first.
    Before,
    /// Inside it.
    After,
}

impl Placed {
    fn default<M: Middleware>(zone: Zone, middleware: M) -> Self {
        Self { zone, is_default: true, level: Level::middleware(Arc::new(middleware)) }
    }

    /// Whether it is a level of the worker's own, not of the app's, of the type `T`.
    fn is_own<T: 'static>(&self) -> bool {
        self.zone != Zone::App && self.level.is::<T>()
    }
}

impl Default for WorkerStack {
    fn default() -> Self {
        let levels = vec![
            Placed::default(Zone::Outer, MaxAge::new()),
            Placed::default(Zone::Outer, RateLimit::default()),
            Placed::default(Zone::Outer, Retry::default()),
            Placed::default(Zone::Inner, Timeout::default()),
        ];
        Self { levels, misplaced: None }
    }
}

impl WorkerStack {
    /// Adds a middleware inside those already added; one of its type that the worker began with goes.
    pub(crate) fn middleware<M: Middleware>(mut self, middleware: M) -> Self {
        self.remove_default::<M>();
        self.push(Zone::Added, Level::middleware(Arc::new(middleware)));
        self
    }

    /// Adds a layer of tower inside those already added.
    pub(crate) fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Next> + Send + 'static,
        L::Service: Service<Delivery, Response = Output> + Clone + Send + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send,
    {
        self.push(Zone::Added, Level::layer(layer));
        self
    }

    /// Puts a middleware directly outside the outermost level of the type `T`, or directly inside the innermost one; one
    /// of its own type that the worker began with goes.
    pub(crate) fn insert<T: 'static, M: Middleware>(mut self, side: Side, middleware: M) -> Self {
        let mut levels = self.levels.iter();
        let beside = match side {
            Side::Before => levels.position(Placed::is_own::<T>),
            Side::After => levels.rposition(Placed::is_own::<T>),
        };
        if let Some(beside) = beside {
            let zone = self.levels[beside].zone;
            let level = Level::middleware(Arc::new(middleware));
            let index = if side == Side::Before { beside } else { beside + 1 };
            self.levels.insert(index, Placed { zone, is_default: false, level });
        } else {
            let source = NoSuchPlace { side, beside: type_name::<T>() }.into();
            self.misplaced.get_or_insert(InvalidMiddleware { middleware: type_name::<M>(), source });
        }
        self.remove_default::<M>();
        self
    }

    /// Adds a middleware of an app: in place of the one of its type the worker began with, where workers begin with
    /// one, else inside those of the app already there.
    ///
    /// In its place and not outermost, because a `Timeout` outside `Retry` would end what is then not tried again.
    pub(crate) fn shared<M: Middleware>(mut self, middleware: &Arc<M>) -> Self {
        let level = || Level::middleware(Arc::clone(middleware));
        if Self::default().levels.iter().any(Placed::is_own::<M>) {
            for placed in self.levels.iter_mut().filter(|placed| placed.is_default && placed.is_own::<M>()) {
                (placed.level, placed.is_default) = (level(), false);
            }
        } else {
            self.push(Zone::App, level());
        }
        self
    }

    /// Takes away what the worker began with.
    pub(crate) fn without_defaults(mut self) -> Self {
        self.levels.retain(|placed| !placed.is_default);
        self
    }

    /// Takes away every level of the type `T` but the app's.
    pub(crate) fn without<T: 'static>(mut self) -> Self {
        self.levels.retain(|placed| !placed.is_own::<T>());
        self
    }

    /// Puts a level innermost in its zone.
    fn push(&mut self, zone: Zone, level: Level) {
        let end = self.levels.partition_point(|placed| placed.zone <= zone);
        self.levels.insert(end, Placed { zone, is_default: false, level });
    }

    fn remove_default<T: 'static>(&mut self) {
        self.levels.retain(|placed| !placed.is_default || !placed.level.is::<T>());
    }

    /// Checks all settings and builds the service.
    pub(crate) fn build(self) -> Result<Next, InvalidMiddleware> {
        if let Some(misplaced) = self.misplaced {
            return Err(misplaced);
        }
        self.levels.iter().try_for_each(|placed| placed.level.check())?;
        Ok(Level::build(self.levels.into_iter().map(|placed| placed.level)))
    }
}

/// The level to stand beside is not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "it was to stand {} `{beside}`, which this worker does not have at that point: add that one first, or add this one \
     with `Worker::middleware`",
    if *.side == Side::Before { "before" } else { "after" }
)]
struct NoSuchPlace {
    side: Side,
    beside: &'static str,
}

impl fmt::Debug for WorkerStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerStack({} levels)", self.levels.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::BoxFuture;
    use crate::message::MessageId;
    use crate::middleware::Elapsed;
    use crate::task::{Context, RetryMessage, TaskDef};

    fn hang(_: Delivery) -> BoxFuture<'static, Result<Output, BoxError>> {
        Box::pin(std::future::pending())
    }

    static HANGS: TaskDef = TaskDef::new("hangs", "tests::hangs", hang).timeout(Duration::from_secs(1));

    async fn run(stack: WorkerStack) -> BoxError {
        let context = Context::builder(MessageId::new(), HANGS.name, HANGS.queue.into()).build();
        let delivery = Delivery::new(&HANGS, context, bytes::Bytes::from_static(&[0x80]), Arc::default());
        stack.build().unwrap().run(delivery).await.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_is_retried_whichever_of_the_defaults_is_replaced() {
        assert!(run(WorkerStack::default()).await.is::<RetryMessage>());
        assert!(run(WorkerStack::default().middleware(Retry::default())).await.is::<RetryMessage>());
        assert!(run(WorkerStack::default().middleware(Timeout::default())).await.is::<RetryMessage>());
        let both = WorkerStack::default().middleware(Retry::default()).middleware(Timeout::default());
        assert!(run(both).await.is::<RetryMessage>());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_added_replaces_the_default_of_its_type() {
        assert!(run(WorkerStack::default().middleware(Retry::default().attempts(1))).await.is::<Elapsed>());
    }

    #[tokio::test(start_paused = true)]
    async fn without_defaults_only_what_was_added_is_left() {
        let stack = WorkerStack::default().middleware(Timeout::default()).without_defaults();
        assert!(run(stack).await.is::<Elapsed>());
    }

    #[test]
    fn wrong_settings_are_found_when_it_is_built() {
        let error = WorkerStack::default().middleware(Retry::default().attempts(0)).build().unwrap_err();
        assert!(error.middleware.ends_with("Retry"), "{error}");
    }

    /// Notes its name on the way in.
    struct Note<const NAME: char>(Arc<Mutex<String>>);

    impl<const NAME: char> Middleware for Note<NAME> {
        async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
            self.0.lock().unwrap().push(NAME);
            next.run(delivery).await
        }
    }

    /// Sees the end of the stack inside it.
    struct Sees(Arc<Mutex<String>>);

    impl Middleware for Sees {
        async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
            let result = next.run(delivery).await;
            let end = result.as_ref().map_err(|error| if error.is::<RetryMessage>() { "retry" } else { "error" });
            self.0.lock().unwrap().push_str(end.err().unwrap_or("ok"));
            result
        }
    }

    #[tokio::test(start_paused = true)]
    async fn middleware_stands_where_it_is_put() {
        let log = Arc::new(Mutex::new(String::new()));
        let stack = WorkerStack::default()
            .middleware(Note::<'c'>(Arc::clone(&log)))
            .insert::<Note<'c'>, _>(Side::Before, Note::<'b'>(Arc::clone(&log)))
            .insert::<Timeout, _>(Side::Before, Note::<'e'>(Arc::clone(&log)))
            .middleware(Note::<'d'>(Arc::clone(&log)))
            .insert::<Note<'e'>, _>(Side::After, Note::<'f'>(Arc::clone(&log)))
            .insert::<MaxAge, _>(Side::Before, Note::<'a'>(Arc::clone(&log)));
        run(stack).await;
        assert_eq!(*log.lock().unwrap(), "abcdef");
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_of_a_type_the_near_end_counts() {
        let log = Arc::new(Mutex::new(String::new()));
        let stack = WorkerStack::default()
            .middleware(Note::<'m'>(Arc::clone(&log)))
            .insert::<Retry, _>(Side::Before, Note::<'m'>(Arc::clone(&log)))
            .insert::<Note<'m'>, _>(Side::Before, Note::<'a'>(Arc::clone(&log)))
            .insert::<Note<'m'>, _>(Side::After, Note::<'z'>(Arc::clone(&log)));
        run(stack).await;
        assert_eq!(*log.lock().unwrap(), "ammz");
    }

    #[tokio::test(start_paused = true)]
    async fn both_sides_of_retry_see_what_they_should() {
        for (side, seen) in [(Side::Before, "retry"), (Side::After, "error")] {
            let log = Arc::new(Mutex::new(String::new()));
            run(WorkerStack::default().insert::<Retry, _>(side, Sees(Arc::clone(&log)))).await;
            assert_eq!(*log.lock().unwrap(), seen, "{side:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_put_beside_its_own_type_takes_its_place() {
        let stack = WorkerStack::default().insert::<Retry, _>(Side::Before, Retry::default().attempts(1));
        assert!(run(stack).await.is::<Elapsed>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_type_can_be_taken_away() {
        assert!(run(WorkerStack::default().without::<Retry>()).await.is::<Elapsed>());
        // And then an app gives it back to nobody.
        let stack = WorkerStack::default().without::<Retry>().shared(&Arc::new(Retry::default()));
        assert!(run(stack).await.is::<Elapsed>());
    }

    #[tokio::test(start_paused = true)]
    async fn levels_of_the_app_stand_around_all_others_and_are_not_the_workers_to_change() {
        let log = Arc::new(Mutex::new(String::new()));
        let note = Arc::new(Note::<'a'>(Arc::clone(&log)));
        let stack = WorkerStack::default()
            .middleware(Note::<'c'>(Arc::clone(&log)))
            .insert::<MaxAge, _>(Side::Before, Note::<'b'>(Arc::clone(&log)))
            .shared(&note)
            .shared(&Arc::new(Note::<'d'>(Arc::clone(&log))))
            .without::<Note<'a'>>()
            .without_defaults();
        run(stack).now_or_never();
        assert_eq!(*log.lock().unwrap(), "adbc");
        let beside = WorkerStack::default().shared(&note).insert::<Note<'a'>, _>(Side::After, MaxAge::new());
        assert!(beside.build().unwrap_err().middleware.ends_with("MaxAge"));
    }

    #[test]
    fn what_a_worker_begins_with_reads_no_output() {
        assert!(!WorkerStack::default().build().unwrap().reads_output());
        let with_a_reader = WorkerStack::default().insert::<Retry, _>(Side::Before, Note::<'a'>(Arc::default()));
        assert!(with_a_reader.build().unwrap().reads_output());
        let with_a_layer = WorkerStack::default().layer(tower::layer::util::Identity::new());
        assert!(with_a_layer.build().unwrap().reads_output());
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_of_the_app_is_still_retried() {
        let stack = WorkerStack::default().shared(&Arc::new(Timeout::after(Duration::from_secs(5))));
        assert!(run(stack).await.is::<RetryMessage>());
    }

    #[test]
    fn a_place_that_does_not_exist_is_reported() {
        let stack = WorkerStack::default().without_defaults().insert::<Retry, _>(Side::Before, MaxAge::new());
        let error = stack.build().unwrap_err();
        assert!(error.middleware.ends_with("MaxAge"), "{error}");
        let reason = error.source.to_string();
        assert!(reason.contains("before `") && reason.contains("Retry`"), "{reason}");
    }
}
