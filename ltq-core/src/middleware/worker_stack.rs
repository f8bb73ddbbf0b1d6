//! [`WorkerStack`]: the levels a worker begins with and, between them, those its user added.
//!
//! `Timeout` begins innermost, not beside the others: then it stays inside a `Retry` the user adds, and an attempt that
//! runs out of time is tried again. What waits in the user's levels does not count as the task's time.

use std::any::{TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use tower::{Layer, Service};

use super::stack::{Level, Side};
use super::{InvalidMiddleware, MaxAge, Middleware, Next, RateLimit, Retry, Stack, Timeout};
use crate::BoxError;
use crate::task::Delivery;

/// All levels of a worker.
pub(crate) struct WorkerStack {
    /// Those of the app around everything.
    shared: Stack,
    outer: Stack,
    added: Stack,
    inner: Stack,
    /// The first middleware whose place does not exist. Reported when the worker starts, as wrong settings are.
    misplaced: Option<InvalidMiddleware>,
}

impl Default for WorkerStack {
    fn default() -> Self {
        let outer = Stack::new().middleware(MaxAge::new()).middleware(RateLimit::default());
        Self {
            shared: Stack::new(),
            outer: outer.middleware(Retry::default()).built_in(),
            added: Stack::new(),
            inner: Stack::new().middleware(Timeout::default()).built_in(),
            misplaced: None,
        }
    }
}

impl WorkerStack {
    /// Adds a middleware inside those already added; one of its type that was there from the beginning goes.
    pub(crate) fn middleware<M: Middleware>(mut self, middleware: M) -> Self {
        self.remove_built_in(Some(TypeId::of::<M>()));
        self.added.push(Level::of(Arc::new(middleware)));
        self
    }

    /// Puts a middleware beside the one of the type `T`; one of its own type that was there from the beginning goes.
    pub(crate) fn insert<T: 'static, M: Middleware>(mut self, side: Side, middleware: M) -> Self {
        let level = Level::of(Arc::new(middleware));
        let [a, b, c] = match side {
            Side::Before => [&mut self.outer, &mut self.added, &mut self.inner],
            Side::After => [&mut self.inner, &mut self.added, &mut self.outer],
        };
        let inserted = a.insert::<T>(side, level).or_else(|level| b.insert::<T>(side, level));
        if inserted.or_else(|level| c.insert::<T>(side, level)).is_err() {
            let source = NoSuchPlace { side, beside: type_name::<T>() }.into();
            self.misplaced.get_or_insert(InvalidMiddleware { middleware: type_name::<M>(), source });
        }
        self.remove_built_in(Some(TypeId::of::<M>()));
        self
    }

    /// Adds a layer of tower inside those already added.
    pub(crate) fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Next> + Send + 'static,
        L::Service: Service<Delivery, Response = ()> + Clone + Send + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send,
    {
        self.added = self.added.layer(layer);
        self
    }

    /// Adds a middleware of an app: in place of the one of its type the worker began with, where workers begin with
    /// one, else inside those of the app already there.
    ///
    /// In its place and not outermost, because a `Timeout` outside `Retry` would end what is then not tried again.
    pub(crate) fn shared<M: Middleware>(mut self, middleware: &Arc<M>) -> Self {
        let level = || Level::of(Arc::clone(middleware));
        let of_workers =
            [TypeId::of::<MaxAge>(), TypeId::of::<RateLimit>(), TypeId::of::<Retry>(), TypeId::of::<Timeout>()];
        if of_workers.contains(&TypeId::of::<M>()) {
            self.outer.replace_built_in::<M>(level);
            self.inner.replace_built_in::<M>(level);
        } else {
            self.shared.push(level());
        }
        self
    }

    /// Takes away what was there from the beginning.
    pub(crate) fn without_defaults(mut self) -> Self {
        self.remove_built_in(None);
        self
    }

    /// Takes away every level of the type `T`.
    pub(crate) fn without<T: 'static>(mut self) -> Self {
        self.outer = self.outer.without::<T>();
        self.added = self.added.without::<T>();
        self.inner = self.inner.without::<T>();
        self
    }

    fn remove_built_in(&mut self, type_id: Option<TypeId>) {
        self.outer.remove_built_in(type_id);
        self.inner.remove_built_in(type_id);
    }

    /// Checks all settings and builds the service.
    pub(crate) fn build(self) -> Result<Next, InvalidMiddleware> {
        if let Some(misplaced) = self.misplaced {
            return Err(misplaced);
        }
        let stack = self.shared.then(self.outer).then(self.added).then(self.inner);
        stack.check()?;
        Ok(stack.build())
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
        fmt::Debug::fmt(&self.added, f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::BoxFuture;
    use crate::message::MessageId;
    use crate::middleware::Elapsed;
    use crate::task::{Context, RetryMessage, TaskDef};

    fn hang(_: Delivery) -> BoxFuture<'static, Result<(), BoxError>> {
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
        async fn handle(&self, delivery: Delivery, next: Next) -> Result<(), BoxError> {
            self.0.lock().unwrap().push(NAME);
            next.run(delivery).await
        }
    }

    /// Sees the end of the stack inside it.
    struct Sees(Arc<Mutex<String>>);

    impl Middleware for Sees {
        async fn handle(&self, delivery: Delivery, next: Next) -> Result<(), BoxError> {
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
