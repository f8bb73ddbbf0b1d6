use std::sync::Arc;

use ::sentry::protocol::Event;
use ::sentry::test::TestTransport;
use ::sentry::{Client, ClientOptions, Hub, Level};
use bytes::Bytes;
use ltq_core::BoxFuture;
use ltq_core::middleware::{Retry, Sentry, Stack};
use ltq_core::task::{ArgDef, Delivery, Output, TaskDef};

use crate::support::{FAILS, Outcome, SUCCEEDS, attempt, first_attempt, message};

fn observed() -> (Arc<TestTransport>, Sentry) {
    let transport = TestTransport::new();
    let options = ClientOptions::new().dsn("https://key@sentry.invalid/1").transport(Arc::clone(&transport));
    let hub = Hub::new(Some(Arc::new(Client::from(options))), Arc::default());
    (transport, Sentry::with_hub(Arc::new(hub)))
}

fn tag<'a>(event: &'a Event<'_>, name: &str) -> &'a str {
    event.tags.get(name).map_or("", String::as_str)
}

fn text<'a>(event: &'a Event<'_>) -> &'a str {
    event.exception.last().and_then(|exception| exception.value.as_deref()).unwrap_or("")
}

#[tokio::test]
async fn an_error_arrives_with_its_tags_and_without_arguments() {
    let (transport, sentry) = observed();
    let delivery = attempt(&FAILS, 3);
    let id = delivery.context().id().to_string();
    let error = Stack::new().middleware(sentry).build().run(delivery).await.unwrap_err();
    assert_eq!(error.to_string(), "the sky fell");
    let events = transport.fetch_and_clear_events();
    assert_eq!(events.len(), 1);
    assert_eq!(text(&events[0]), "the sky fell");
    for (name, value) in [("task", "fails"), ("queue", "fails"), ("id", &id), ("attempt", "3")] {
        assert_eq!(tag(&events[0], name), value);
    }
    assert!(events[0].extra.is_empty());
}

#[tokio::test]
async fn success_is_not_reported() {
    let (transport, sentry) = observed();
    Stack::new().middleware(sentry).build().run(first_attempt(&SUCCEEDS)).await.unwrap();
    assert!(transport.fetch_and_clear_events().is_empty());
}

#[tokio::test]
async fn outside_retry_only_the_last_attempt_is_reported() {
    let (transport, sentry) = observed();
    let next = Stack::new().middleware(sentry).middleware(Retry::default().attempts(2)).build();
    assert!(next.clone().run(attempt(&FAILS, 1)).await.is_err());
    assert!(transport.fetch_and_clear_events().is_empty());
    assert!(next.run(attempt(&FAILS, 2)).await.is_err());
    assert_eq!(transport.fetch_and_clear_events().len(), 1);
}

#[tokio::test]
async fn inside_retry_every_attempt_is_reported() {
    let (transport, sentry) = observed();
    let next = Stack::new().middleware(Retry::default()).middleware(sentry).build();
    assert!(next.run(attempt(&FAILS, 1)).await.is_err());
    assert_eq!(transport.fetch_and_clear_events().len(), 1);
}

#[tokio::test]
async fn a_panic_is_reported() {
    fn panic_at_once(_: Delivery) -> BoxFuture<'static, Outcome> {
        panic!("what now")
    }
    static PANICS: TaskDef = TaskDef::new("panics", "tests::panics", panic_at_once);
    let (transport, sentry) = observed();
    assert!(Stack::new().middleware(sentry).build().run(first_attempt(&PANICS)).await.is_err());
    let events = transport.fetch_and_clear_events();
    assert_eq!(text(&events[0]), "the task panicked: what now");
}

#[tokio::test]
async fn arguments_are_sent_when_asked_for() {
    let (transport, sentry) = observed();
    let next = Stack::new().middleware(sentry.with_arguments()).build();
    for args in [&b"\x81\xa5owner\xa5tokio"[..], b"\x81\xa4blob\xc4\x01\xff"] {
        let delivery = Delivery::new(&FAILS, message(&FAILS).build(), Bytes::from_static(args), Arc::default());
        assert!(next.clone().run(delivery).await.is_err());
    }
    let events = transport.fetch_and_clear_events();
    assert_eq!(events[0].extra["arguments"]["owner"], "tokio");
    assert!(events[1].extra["arguments"].is_string(), "{:?}", events[1].extra);
}

#[tokio::test]
async fn an_argument_that_skips_the_log_is_never_shown() {
    fn fail(_: Delivery) -> BoxFuture<'static, Outcome> {
        Box::pin(async { Err("refused".into()) })
    }
    static LOGS_IN: TaskDef = TaskDef::new("logs_in", "tests::logs_in", fail)
        .args(&[ArgDef::new("user", "String"), ArgDef::new("word", "String").skip_log()]);
    let (transport, sentry) = observed();
    let next = Stack::new().middleware(sentry.with_arguments()).build();
    // The second has an argument under an old name, the third is not even a map.
    for args in [&b"\x82\xa4user\xa3ada\xa4word\xa6secret"[..], b"\x81\xa8password\xa6secret", b"\x91\xa6secret"] {
        let delivery = Delivery::new(&LOGS_IN, message(&LOGS_IN).build(), Bytes::from_static(args), Arc::default());
        assert!(next.clone().run(delivery).await.is_err());
    }
    let events = transport.fetch_and_clear_events();
    assert_eq!(events[0].extra["arguments"]["user"], "ada");
    assert_eq!(events[0].extra["arguments"]["word"], "[Filtered]");
    assert_eq!(events[1].extra["arguments"]["password"], "[Filtered]");
    for event in events {
        assert!(!format!("{event:?}").contains("secret"), "{event:?}");
    }
}

#[tokio::test]
async fn what_a_task_reports_itself_has_the_tags_too() {
    fn report(_: Delivery) -> BoxFuture<'static, Outcome> {
        Box::pin(async {
            tokio::task::yield_now().await;
            ::sentry::capture_message("by hand", Level::Info);
            Ok(Output::default())
        })
    }
    static REPORTS: TaskDef = TaskDef::new("reports", "tests::reports", report);
    let (transport, sentry) = observed();
    Stack::new().middleware(sentry).build().run(first_attempt(&REPORTS)).await.unwrap();
    let events = transport.fetch_and_clear_events();
    assert_eq!((events[0].message.as_deref(), tag(&events[0], "task")), (Some("by hand"), "reports"));
}
