//! The attributes of `ltq`. Use them as `#[ltq::task]` and `#[ltq::worker]`; this package is not meant to be depended on
//! directly.
//!
//! What an attribute emits only describes: the code that runs is in `ltq-core`, mostly in its `task/call.rs`.

mod errors;
mod given;
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
/// An option that is unknown, repeated or wrong is an error at its place that says what to write.
///
/// # Arguments
///
/// - `State<T>` is injected: the value that the worker was given with `Worker::state`. A worker without it does not
///   start.
/// - `Context` is injected: the message's id, attempt, cancellation.
/// - Everything else travels in the message, by name, so it implements `serde::Serialize` and `serde::Deserialize`.
///   Reordering arguments changes nothing for messages that are already queued; renaming one does.
/// - `String` and `&str` arguments accept both in `send` and `message`. Other references are not possible.
/// - An `Option<T>` that is missing in a message is `None`.
/// - `State` and `Context` are told by the last part of their type's path, so a type of your own needs another name.
///
/// Arguments that travel take attributes; several may stand in one, as in `#[ltq(default, skip_log)]`:
///
/// | attribute | meaning |
/// | --- | --- |
/// | `#[ltq(default)]` | where a message lacks it, it is the `Default` of its type |
/// | `#[ltq(default = path)]` | where a message lacks it, it is what this function without arguments returns |
/// | `#[ltq(rename = "key")]` | its key in messages, where that is not its name |
/// | `#[ltq(skip_log)]` | it is never shown, not even where a middleware is asked to show arguments, as `Sentry::with_arguments` is |
///
/// A default is for what is missing, as an argument is in messages that were sent before the task had it; what is there,
/// `None` included, is kept. Serde's attributes are for types and an error here.
///
/// ```
/// fn english() -> String {
///     "en".to_owned()
/// }
///
/// #[ltq::task(queue = "mail")]
/// async fn remind(
///     #[ltq(rename = "user_id")] user: u64,
///     #[ltq(default = english)] language: &str,
///     #[ltq(default)] copies: Vec<String>,
///     #[ltq(skip_log)] token: String,
///     note: Option<String>,
/// ) {
/// }
///
/// let message = remind.message(7, "de", vec![], "f00d", None);
/// # use ltq::Task;
/// # assert_eq!((message.queue(), remind::DEF.args[0].name), ("mail", "user_id"));
/// ```
///
/// # Result
///
/// A task returns any value that implements `serde::Serialize` and owns what it holds. `Result<T, E>` with an `E` that is
/// an error, or [`TaskResult`](../ltq/type.TaskResult.html), where `?` works on every error, says whether it failed; every
/// other value is a success. On success the value goes out through the worker's middleware; its type, `T` or that of the
/// value, is the task's `Task::Output`.
///
/// ```
/// use ltq::{RejectMessage, TaskResult};
///
/// #[ltq::task(max_attempts = 3, backoff = "1s..1m")]
/// async fn parse(text: String) -> TaskResult<u64> {
///     if text.is_empty() {
///         return Err(RejectMessage::new("nothing to parse").into());
///     }
///     Ok(text.parse()?)
/// }
///
/// #[ltq::task(blocking)]
/// fn lines(path: String) -> std::io::Result<usize> {
///     Ok(std::fs::read_to_string(path)?.lines().count())
/// }
/// ```
///
/// # What it becomes
///
/// A unit struct of the function's name and visibility with the methods `send`, `send_bulk` and `message`, which
/// implements `ltq::Task` and calls the function when it is called. Your documentation stands on the struct, followed by
/// the function's signature.
///
/// # Limits
///
/// - A task is a free function without `self`, type parameters, lifetimes, and `impl Trait` in its signature.
/// - An argument or a variable cannot have the name of a task that is in scope, as with every unit struct.
/// - The types in the signature are at least as visible as the task: make the type `pub` or the task less so.
/// - The future of an async task is `Send`, so what it holds across an `await` is.
/// - A crate that depends on `ltq` under another name says so in each attribute: `crate = "::name"`.
/// - A blocking task cannot be stopped from outside. When its time is up its attempt counts as failed, and the function
///   runs on until it looks at `Context::is_cancelled` or ends.
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
