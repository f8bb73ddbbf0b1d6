//! [`Sentry`]: reports errors that end a message, or an attempt, to Sentry.
//!
//! It keeps a hub of its own instead of the process-wide one, so a program that uses Sentry for other things keeps its
//! settings.

use std::fmt;
use std::sync::Arc;

use ::sentry::protocol::Value;
use ::sentry::{Client, ClientOptions, Hub, SentryFutureExt as _};
use bytes::Bytes;

use super::{Middleware, Next};
use crate::BoxError;
use crate::task::{Delivery, Failure, Output, TaskDef};

const DSN_VARIABLE: &str = "SENTRY_DSN";

/// What stands for a value that is not shown; Sentry's own scrubbing writes the same.
const FILTERED: &str = "[Filtered]";

/// Reports errors and panics to Sentry, with task, queue, message id and attempt as tags.
///
/// A `RetryMessage` is not reported. So outside [`Retry`](super::Retry) it reports what became a dead letter, and inside
/// it every failed attempt. What a task itself sends to Sentry while it runs carries the same tags.
///
/// Arguments are not sent unless asked for with [`with_arguments`](Self::with_arguments).
#[must_use]
pub struct Sentry {
    hub: Option<Arc<Hub>>,
    arguments: bool,
    invalid_dsn: bool,
    /// Last, so that the hub is gone when it sends what is left.
    _own_client: Option<OwnClient>,
}

impl Sentry {
    /// Reports to the project in the environment variable `SENTRY_DSN`, and to none where it is unset or empty.
    ///
    /// `SENTRY_RELEASE` and `SENTRY_ENVIRONMENT` are honoured. A worker refuses to start with a DSN that is none. What
    /// has not been sent when the worker ends gets up to 2 s then.
    pub fn from_env() -> Self {
        Self::from_dsn(std::env::var(DSN_VARIABLE).ok().as_deref())
    }

    /// Reports through a hub there is already, such as `sentry::Hub::main()` after `sentry::init`.
    pub fn with_hub(hub: Arc<Hub>) -> Self {
        Self { hub: Some(hub), arguments: false, invalid_dsn: false, _own_client: None }
    }

    /// Sends the arguments of the message too. They leave the machine: think of passwords and personal data.
    ///
    /// An argument with `#[ltq(skip_log)]` is replaced by `[Filtered]`. Of a task that has such an argument, so is
    /// everything in the message that is none of its arguments, such as one that was renamed since.
    pub fn with_arguments(mut self) -> Self {
        self.arguments = true;
        self
    }

    fn from_dsn(dsn: Option<&str>) -> Self {
        let mut sentry = Self { hub: None, arguments: false, invalid_dsn: false, _own_client: None };
        match dsn.map(str::trim).filter(|dsn| !dsn.is_empty()).map(str::parse) {
            None => tracing::debug!("{DSN_VARIABLE} is not set: nothing is reported to Sentry"),
            // The reason is left out: it may quote the DSN, which holds a key.
            Some(Err(_)) => sentry.invalid_dsn = true,
            Some(Ok(dsn)) => {
                let mut options = ClientOptions::new();
                options.dsn = Some(dsn);
                let client = Arc::new(Client::from(::sentry::apply_defaults(options)));
                sentry.hub = Some(Arc::new(Hub::new(Some(Arc::clone(&client)), Arc::default())));
                sentry._own_client = Some(OwnClient(client));
            }
        }
        sentry
    }
}

impl Middleware for Sentry {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        let Some(hub) = &self.hub else { return next.run(delivery).await };
        // Every execution has a hub of its own: its tags are not those of the one beside it.
        let hub = Arc::new(Hub::new_from_top(hub));
        tag(&hub, &delivery);
        let args = self.arguments.then(|| (delivery.args().clone(), delivery.task()));
        let result = next.run(delivery).bind_hub(Arc::clone(&hub)).await;
        if let Err(error) = &result
            && !matches!(Failure::of(error), Failure::Retry(_))
        {
            if let Some((args, task)) = args {
                hub.configure_scope(|scope| scope.set_extra("arguments", readable(&args, task)));
            }
            hub.capture_error(&**error);
        }
        result
    }

    fn concerns(&self, _: &Delivery) -> bool {
        self.hub.is_some()
    }

    fn reads_output(&self) -> bool {
        false
    }

    fn check(&self) -> Result<(), BoxError> {
        if self.invalid_dsn { Err(InvalidDsn.into()) } else { Ok(()) }
    }
}

fn tag(hub: &Hub, delivery: &Delivery) {
    let context = delivery.context();
    hub.configure_scope(|scope| {
        scope.set_transaction(Some(delivery.task().name));
        scope.set_tag("task", delivery.task().name);
        scope.set_tag("queue", context.queue());
        scope.set_tag("id", context.id());
        scope.set_tag("attempt", context.attempt());
    });
}

fn readable(args: &Bytes, task: &TaskDef) -> Value {
    let unreadable = || Value::from(format!("{} bytes that are no text", args.len()));
    let mut value = rmp_serde::from_slice(args).unwrap_or_else(|_| unreadable());
    if task.args.iter().any(|arg| arg.skip_log) {
        let Value::Object(fields) = &mut value else { return unreadable() };
        for (name, field) in fields {
            if !task.args.iter().any(|arg| arg.name == name && !arg.skip_log) {
                *field = Value::from(FILTERED);
            }
        }
    }
    value
}

impl fmt::Debug for Sentry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentry")
            .field("enabled", &self.hub.is_some())
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// Sends what is left when the worker ends; a client of somebody else is theirs to end.
struct OwnClient(Arc<Client>);

impl Drop for OwnClient {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{DSN_VARIABLE} is set but is no DSN: it looks like https://KEY@HOST/PROJECT; correct it or unset it")]
struct InvalidDsn;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dsn_disables_and_a_wrong_one_stops_the_worker_without_showing_it() {
        for unset in [None, Some(""), Some("  ")] {
            let sentry = Sentry::from_dsn(unset);
            assert!(sentry.hub.is_none());
            assert!(sentry.check().is_ok());
        }
        let error = Sentry::from_dsn(Some("secret-key@nowhere")).check().unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn a_dsn_enables_and_is_not_shown() {
        let sentry = Sentry::from_dsn(Some("https://secret@sentry.invalid/1"));
        assert!(sentry.hub.is_some());
        assert!(sentry.check().is_ok());
        assert!(!format!("{sentry:?}").contains("secret"));
    }
}
