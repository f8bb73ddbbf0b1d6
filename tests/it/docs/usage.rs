//! Everything the API is meant to look like, in one place: it compiles, and the types are what users expect.

use std::time::Duration;

use ltq::middleware::{RateLimit, Retry, Sentry, Timeout};
use ltq::{Client, Context, MessageId, SendError, State, TaskResult, Worker};

pub(crate) struct HttpClient;

#[derive(Debug, PartialEq, serde::Serialize)]
pub(crate) struct Stars(usize);

struct Repository {
    owner: String,
    name: String,
}

/// Doc comments land on the generated item and show in the IDE.
#[ltq::task(queue = "docs", max_attempts = 5, timeout = "30s", rate = "10/s")]
pub(crate) async fn fetch_repo(
    http: State<HttpClient>,
    ctx: Context,
    owner: String,
    name: String,
) -> TaskResult<Stars> {
    let HttpClient = *http;
    Ok(Stars(owner.len() * name.len() + usize::try_from(ctx.attempt())?))
}

#[ltq::worker]
pub(crate) fn worker() -> Worker {
    Worker::new("docs")
        .state(HttpClient)
        .middleware(Sentry::from_env())
        .middleware(RateLimit::per_task())
        .middleware(Retry::exponential(Duration::from_secs(1), Duration::from_secs(60)))
        .middleware(Timeout::after(Duration::from_secs(30)))
}

/// As a program does that never speaks of clients. Not run here: the process-wide client is shared by all tests.
async fn without_a_client(repositories: &[Repository]) -> Result<(), SendError> {
    ltq::connect("redis://localhost:6379").await?;
    let _: MessageId = fetch_repo.send("tokio-rs", "tokio").await?;
    let _: Vec<MessageId> =
        fetch_repo.send_bulk(repositories.iter().map(|r| fetch_repo.message(&r.owner, &r.name))).await?;
    let _: MessageId = fetch_repo.message("a", "b").delay(Duration::from_secs(90)).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_task_is_sent_with_a_client_and_called_without_one() {
    let _ = without_a_client;
    assert_eq!(worker().queue_names(), ["docs"]);

    let client = Client::connect("memory://docs-usage").await.unwrap();
    let repository = Repository { owner: "tokio-rs".to_owned(), name: "tokio".to_owned() };
    let message = fetch_repo.message(&repository.owner, &repository.name);
    let id = message.id();
    assert_eq!(client.send(message).await.unwrap(), id);
    client.send(fetch_repo.message("a", String::from("b")).delay(Duration::from_secs(90))).await.unwrap();
    let stats = client.queue("docs").unwrap().stats().await.unwrap();
    assert_eq!((stats.ready, stats.scheduled), (1, 1));

    let stars = fetch_repo(State::new(HttpClient), Context::detached(), "tokio-rs".into(), "tokio".into()).await;
    assert_eq!(stars.unwrap(), Stars(41));
}
