//! What a function with `#[ltq::task]` on it can do, without a broker: be called, make messages, be found, be run.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ltq::__private::{BackoffDef, InvalidArguments, Rate, Registry, StateMap, decode_args};
use ltq::{Context, Delivery, Message, Output, RejectMessage, State, Task, TaskResult};
use serde::{Deserialize, Serialize};

/// Counts.
#[derive(Debug, Default)]
pub struct Counter(AtomicU32);

/// Says where a repository is.
#[ltq::task(
    queue = "github",
    max_attempts = 5,
    backoff = "1s..60s",
    timeout = "30s",
    rate = "5/10s",
    max_age = "1h 30m"
)]
pub async fn fetch_repo(
    counter: State<Counter>,
    ctx: Context,
    owner: String,
    name: &str,
    stars: Option<u32>,
) -> TaskResult<String> {
    counter.0.fetch_add(1, Ordering::SeqCst);
    if name.is_empty() {
        return Err(RejectMessage::new(format!("attempt {}", ctx.attempt())).into());
    }
    Ok(format!("{owner}/{name} {}", stars.unwrap_or_default()))
}

/// Needs nothing and returns nothing.
#[ltq::task]
async fn tick() {}

/// Runs on the blocking pool.
#[ltq::task(name = "math.half", blocking)]
fn half(mut number: u32) -> Result<u32, std::num::TryFromIntError> {
    assert!(number != 13, "unlucky");
    u8::try_from(number)?;
    number /= 2;
    Ok(number)
}

/// Names of arguments that are keywords, and one that may be missing.
#[ltq::task]
async fn r#match(r#type: Kind, #[ltq(default)] times: u8) -> (Kind, u8) {
    (r#type, times)
}

/// Says which argument it is called without.
#[ltq::task(name = "evolved")]
async fn evolved(
    #[ltq(rename = "user_id")] user: u64,
    #[ltq(default = five)] times: u8,
    #[ltq(default)] note: Option<Option<bool>>,
    #[ltq(default = anonymous, rename = "by")] author: &str,
    #[ltq(skip_log)]
    #[ltq(default)]
    password: String,
) -> TaskResult {
    Err(RejectMessage::new(format!("{user} {times} {note:?} {author} {password:?}")).into())
}

fn five() -> u8 {
    5
}

fn anonymous() -> String {
    "anonymous".to_owned()
}

/// A type of the user's.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Small { size: u32 },
}

/// What a message holds.
fn decoded<T: serde::de::DeserializeOwned>(message: &Message) -> T {
    decode_args(&encoded(message)).unwrap_or_else(|error| panic!("{error}"))
}

fn encoded(message: &Message) -> Bytes {
    message.args().unwrap_or_else(|error| panic!("{error}")).clone()
}

fn delivery<T: Task>(_: T, args: Bytes, states: StateMap) -> Delivery {
    Delivery::new(T::DEF, Context::detached(), args, Arc::new(states))
}

async fn run<T: Task>(task: T, message: &Message, states: StateMap) -> Result<Output, ltq::BoxError> {
    (T::DEF.handler)(delivery(task, encoded(message), states)).await
}

fn counting() -> (State<Counter>, StateMap) {
    let counter = Arc::new(Counter::default());
    let mut states = StateMap::default();
    states.insert(Arc::clone(&counter));
    (counter.into(), states)
}

#[tokio::test]
async fn a_plain_call_runs_the_function() {
    let (counter, _) = counting();
    let text = fetch_repo(counter.clone(), Context::detached(), "tokio-rs".into(), "tokio", Some(3)).await.unwrap();
    assert_eq!(text, "tokio-rs/tokio 3");
    assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    tick().await;
    assert_eq!(half(8).unwrap(), 4);
    assert_eq!(r#match(Kind::Small { size: 1 }, 2).await, (Kind::Small { size: 1 }, 2));
}

#[test]
fn a_message_holds_the_arguments_by_name() {
    let owner = String::from("tokio-rs");
    let message = fetch_repo.message(&owner, "tokio", None);
    assert_eq!(message.task(), "behaviour::fetch_repo");
    assert_eq!(message.queue(), "github");
    let expected = [("owner", Some("tokio-rs")), ("name", Some("tokio")), ("stars", None)];
    assert_eq!(
        decoded::<BTreeMap<String, Option<String>>>(&message),
        expected.map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).into()
    );
    assert!(decoded::<BTreeMap<String, u8>>(&tick.message()).is_empty());
}

#[test]
fn a_raw_identifier_travels_without_its_mark() {
    let message = r#match.message(Kind::Small { size: 3 }, 1);
    let keys: BTreeMap<String, serde::de::IgnoredAny> = decoded(&message);
    assert_eq!(keys.keys().collect::<Vec<_>>(), ["times", "type"]);
    assert_eq!(message.task(), "behaviour::match");
}

#[test]
fn the_definition_says_what_was_written() {
    let def = <fetch_repo as Task>::DEF;
    assert_eq!((def.name, def.path, def.queue), ("behaviour::fetch_repo", "behaviour::fetch_repo", "github"));
    assert!(def.file.ends_with("behaviour.rs"), "{}", def.file);
    let args: Vec<_> = def.args.iter().map(|arg| (arg.name, arg.ty)).collect();
    assert_eq!(args, [("owner", "String"), ("name", "&str"), ("stars", "Option<u32>")]);
    let states: Vec<_> = def.states.iter().map(|state| state.type_name()).collect();
    assert_eq!(states, ["behaviour::Counter"]);
    let options = def.options;
    assert_eq!(options.max_attempts, Some(5));
    assert_eq!(options.backoff, Some(BackoffDef::new(Duration::from_secs(1), Duration::from_mins(1))));
    assert_eq!(options.timeout, Some(Duration::from_secs(30)));
    assert_eq!(options.rate, Some(Rate::new(5, Duration::from_secs(10))));
    assert_eq!(options.max_age, Some(Duration::from_mins(90)));
    assert!(!options.blocking);
    let named = <half as Task>::DEF;
    assert_eq!((named.name, named.path, named.queue), ("math.half", "behaviour::half", "math.half"));
    assert!(named.options.blocking);
    assert_eq!(<r#match as Task>::DEF.path, "behaviour::match");
}

#[test]
fn the_line_is_that_of_the_function() {
    #[ltq::task]
    #[allow(clippy::unused_async)]
    async fn placed() {}
    let here = line!() - 1;
    assert_eq!(<placed as Task>::DEF.line, here);
}

#[test]
fn every_task_is_registered() {
    let registry = Registry::collect().unwrap();
    for name in ["behaviour::fetch_repo", "behaviour::tick", "math.half", "behaviour::match", "behaviour::placed"] {
        assert!(registry.get(name).is_some(), "{name}");
    }
    assert!(std::ptr::eq(registry.get("math.half").unwrap(), <half as Task>::DEF));
}

#[tokio::test]
async fn the_handler_decodes_injects_and_runs() {
    let (counter, states) = counting();
    run(fetch_repo, &fetch_repo.message("a", "b", Some(1)), states.clone()).await.unwrap();
    assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    let error = run(fetch_repo, &fetch_repo.message("a", "", None), states).await.unwrap_err();
    assert_eq!(error.downcast_ref::<RejectMessage>().unwrap().reason, "attempt 1");
    run(tick, &tick.message(), StateMap::default()).await.unwrap();
}

#[tokio::test]
async fn an_argument_may_be_missing_when_it_has_a_default() {
    let (_, states) = counting();
    let without_stars = Message::new("", "", &BTreeMap::from([("owner", "a"), ("name", "b")]));
    run(fetch_repo, &without_stars, states).await.unwrap();
    let without_times = Message::new("", "", &BTreeMap::from([("type", Kind::Small { size: 1 })]));
    run(r#match, &without_times, StateMap::default()).await.unwrap();
}

/// What [`evolved`] was called with.
async fn evolved_by(message: &Message) -> String {
    match run(evolved, message, StateMap::default()).await {
        Ok(_) => "it always rejects".to_owned(),
        Err(error) => {
            error.downcast_ref::<RejectMessage>().map_or_else(|| error.to_string(), |rejected| rejected.reason.clone())
        }
    }
}

#[tokio::test]
async fn attributes_of_arguments_decide_what_a_message_may_lack() {
    let sent = evolved.message(7, 2, Some(Some(true)), "ada", "secret");
    assert_eq!(evolved_by(&sent).await, "7 2 Some(Some(true)) ada \"secret\"");
    // As a program sent it that knew one argument only.
    let old = Message::new("", "", &BTreeMap::from([("user_id", 7)]));
    assert_eq!(evolved_by(&old).await, "7 5 None anonymous \"\"");
    // What is there is not replaced, so a nil that fits the type is kept and one that does not is no argument.
    let none = evolved.message(7, 2, None, "ada", "");
    assert_eq!(evolved_by(&none).await, "7 2 None ada \"\"");
    let nil = Message::new("", "", &BTreeMap::from([("user_id", Some(7)), ("times", None)]));
    assert!(run(evolved, &nil, StateMap::default()).await.unwrap_err().is::<InvalidArguments>());
    // The name in the code is not the one on the wire.
    let unrenamed = Message::new("", "", &BTreeMap::from([("user", 7)]));
    assert!(run(evolved, &unrenamed, StateMap::default()).await.unwrap_err().is::<InvalidArguments>());
}

#[test]
fn attributes_of_arguments_are_in_the_definition() {
    let keys: BTreeMap<String, serde::de::IgnoredAny> = decoded(&evolved.message(7, 2, None, "ada", ""));
    assert_eq!(keys.keys().collect::<Vec<_>>(), ["by", "note", "password", "times", "user_id"]);
    let args: Vec<_> =
        <evolved as Task>::DEF.args.iter().map(|arg| (arg.name, arg.has_default, arg.skip_log)).collect();
    let expected = [
        ("user_id", false, false),
        ("times", true, false),
        ("note", true, false),
        ("by", true, false),
        ("password", true, true),
    ];
    assert_eq!(args, expected);
}

#[tokio::test]
async fn an_option_that_is_missing_is_none() {
    /// Rejects what it is called with.
    #[ltq::task]
    async fn optional(a: Option<u8>, b: std::option::Option<String>) -> Result<(), RejectMessage> {
        Err(RejectMessage::new(format!("{a:?} {b:?}")))
    }
    let nothing = Message::new("", "", &BTreeMap::<String, u8>::new());
    let error = run(optional, &nothing, StateMap::default()).await.unwrap_err();
    assert_eq!(error.downcast_ref::<RejectMessage>().unwrap().reason, "None None");
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_invalid_and_not_shown() {
    let (counter, states) = counting();
    for args in [
        BTreeMap::from([("owner", "secret")]),
        BTreeMap::from([("owner", "secret"), ("name", "b"), ("stars", "secret")]),
    ] {
        let message = Message::new("", "", &args);
        let error = run(fetch_repo, &message, states.clone()).await.unwrap_err();
        let invalid = error.downcast_ref::<InvalidArguments>().unwrap();
        assert_eq!(invalid.task, "behaviour::fetch_repo");
        assert!(!format!("{invalid} {}", invalid.source).contains("secret"), "{}", invalid.source);
    }
    assert_eq!(counter.0.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_handler_hands_on_what_the_function_returned() {
    let (_, states) = counting();
    let text = run(fetch_repo, &fetch_repo.message("a", "b", Some(1)), states).await.unwrap();
    assert_eq!(text.downcast::<String>().unwrap(), "a/b 1");
    let pair = run(r#match, &r#match.message(Kind::Small { size: 3 }, 2), StateMap::default()).await.unwrap();
    assert_eq!(pair.downcast::<(Kind, u8)>().unwrap(), (Kind::Small { size: 3 }, 2));
    assert_eq!(run(half, &half.message(8), StateMap::default()).await.unwrap().downcast_ref(), Some(&4_u32));
    assert!(run(tick, &tick.message(), StateMap::default()).await.unwrap().is::<()>());
}

#[tokio::test]
async fn what_nobody_wants_ends_where_it_was_returned() {
    let unwanted = delivery(half, encoded(&half.message(8)), StateMap::default()).without_output();
    assert!((half::DEF.handler)(unwanted).await.unwrap().is::<()>());
    let (_, states) = counting();
    let unwanted = delivery(fetch_repo, encoded(&fetch_repo.message("a", "", None)), states).without_output();
    assert!((fetch_repo::DEF.handler)(unwanted).await.unwrap_err().is::<RejectMessage>());
}

#[tokio::test]
async fn a_missing_state_is_an_error() {
    let error = run(fetch_repo, &fetch_repo.message("a", "b", None), StateMap::default()).await.unwrap_err();
    assert!(error.to_string().contains("Counter"), "{error}");
}

#[tokio::test]
async fn a_blocking_task_ends_like_an_async_one() {
    run(half, &half.message(8), StateMap::default()).await.unwrap();
    let error = run(half, &half.message(300), StateMap::default()).await.unwrap_err();
    assert!(error.is::<std::num::TryFromIntError>(), "{error}");
    let payload =
        tokio::spawn(async { run(half, &half.message(13), StateMap::default()).await }).await.unwrap_err().into_panic();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"unlucky"));
}
