//! The attributes of `ltq`. Use them as `#[ltq::task]` and `#[ltq::worker]`; this package is not meant to be depended on
//! directly.
//!
//! What an attribute emits only describes: the code that runs is in `ltq-core`, mostly in its `task/call.rs`.

mod errors;
mod literal;
mod task;
mod text;
mod worker;

use proc_macro::TokenStream;

/// Makes a function a task: it can be sent to a queue, and workers run it.
///
/// ```
/// use ltq::{Context, State, TaskResult};
///
/// /// What the worker shares with its tasks.
/// pub struct Mailer;
///
/// /// Doc comments, `#[cfg]`, `#[deprecated]` and lint attributes work as on any function.
/// #[ltq::task(queue = "mail", max_attempts = 5, backoff = "1s..60s", timeout = "30s", rate = "10/s")]
/// pub async fn welcome(mailer: State<Mailer>, ctx: Context, user: u64, name: String) -> TaskResult {
///     println!("attempt {} to welcome {name}", ctx.attempt());
///     Ok(())
/// }
///
/// # async fn elsewhere() -> Result<(), ltq::SendError> {
/// // Anywhere in a program that links this crate:
/// let id = welcome.send(7, "Ada").await?;
/// let later = welcome.message(8, "Grace").delay(std::time::Duration::from_secs(90)).send().await?;
/// let ids = welcome.send_bulk((0..100).map(|user| welcome.message(user, "you"))).await?;
/// # Ok(())
/// # }
///
/// # async fn plain() -> TaskResult {
/// // A plain call runs the function here, without a queue:
/// welcome(State::new(Mailer), Context::detached(), 7, "Ada".to_owned()).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Options
///
/// All are optional; the order does not matter. What is left out is decided by the worker's middleware.
///
/// | option | value | meaning | default |
/// | --- | --- | --- | --- |
/// | `name` | text | the name that travels in messages; one per program | `module_path::function` |
/// | `queue` | text | where its messages go; tasks may share one | the task's name |
/// | `max_attempts` | number, at least 1 | how often it is tried in all; 1 means never again | the worker's |
/// | `backoff` | `"1s..60s"` | bound of the wait before the first retry, doubled for each further one, and the bound it never exceeds | the worker's |
/// | `timeout` | duration | how long one attempt may take | the worker's |
/// | `rate` | `"10/s"`, `"100/m"`, `"5/10s"` | how often it may start, per worker process | no limit |
/// | `max_age` | duration | a message that is older when its turn comes is not run | no limit |
/// | `blocking` | none | the function is a plain `fn` and runs on the pool for blocking code | async |
/// | `crate` | text | the path of `ltq` in a crate that renames it | `"::ltq"` |
///
/// A duration is a number and a unit, or several: `"500ms"`, `"30s"`, `"5m"`, `"1h 30m"`, `"7days"`. A name is 1 to 200
/// bytes long, without whitespace and braces.
///
/// # Arguments
///
/// - `State<T>` is injected: the value that the worker was given with `Worker::state`. A worker without it does not
///   start.
/// - `Context` is injected: the message's id, attempt, cancellation.
/// - Everything else travels in the message, by name, so it implements `serde::Serialize` and `serde::Deserialize`. Renaming an
///   argument makes messages that are already queued unreadable, reordering does not. An `Option<T>` that is missing in a
///   message is `None`; with `#[serde(default)]` before an argument, what is missing is the default of its type.
/// - `String` and `&str` arguments accept both in `send` and `message`. Other references are not possible.
/// - `State` and `Context` are told by the last part of their type's path, so a type of your own needs another name.
///
/// # Result
///
/// A task returns anything. `Result<T, E>` with an `E` that is an error, or [`TaskResult`](../ltq/type.TaskResult.html),
/// where `?` works on every error, says whether it failed; every other value is a success and is dropped.
///
/// # What it becomes
///
/// A unit struct of the function's name and visibility with the methods `send`, `send_bulk` and `message`, which
/// implements `ltq::Task` and calls the function when it is called. Two things follow:
///
/// - An argument or a variable cannot have the name of a task that is in scope, as with every unit struct.
/// - The types in the signature are at least as visible as the task: make the type `pub` or the task less so.
///
/// A blocking task cannot be stopped from outside. When its time is up its attempt counts as failed, and the function runs
/// on until it looks at `Context::is_cancelled` or ends.
#[proc_macro_attribute]
pub fn task(args: TokenStream, item: TokenStream) -> TokenStream {
    task::expand(args.into(), item.into()).into()
}

/// Makes `ltq run` find the function that sets up a worker.
///
/// ```
/// use ltq::Worker;
///
/// #[ltq::worker]
/// pub fn worker() -> Worker {
///     Worker::new("mail").concurrency(50)
/// }
/// ```
///
/// The function stays as it is and is registered under its path: `ltq run my_crate::worker`. It is a plain function
/// without arguments and type parameters, and may return an `App` of several workers too. There is one option, `crate = "path::to::ltq"`, for a crate that renames `ltq`.
#[proc_macro_attribute]
pub fn worker(args: TokenStream, item: TokenStream) -> TokenStream {
    worker::expand(args.into(), &item.into()).into()
}
