//! The client that a piece of work sends with, in place of the process-wide one: a task sends with its worker's.
//!
//! It is local to a task of the runtime, so it costs nothing per message: a worker sets it once around each of its slots.
//! What a user's task spawns is another task of the runtime and is not part of the scope.

use super::Client;

tokio::task_local! {
    static SCOPE: Client;
}

/// Makes `client` the one that `future` sends with; not what it spawns.
#[cfg(feature = "worker")]
pub(crate) fn scope<F: Future>(client: Client, future: F) -> impl Future<Output = F::Output> + use<F> {
    SCOPE.scope(client, future)
}

/// Takes the scope this is called in along to where a call runs, on whichever thread.
pub(crate) fn in_this_scope<R>(call: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let client = scoped();
    move || match client {
        Some(client) => SCOPE.sync_scope(client, call),
        None => call(),
    }
}

/// The client of the scope this is called in.
pub(crate) fn scoped() -> Option<Client> {
    SCOPE.try_with(Clone::clone).ok()
}
