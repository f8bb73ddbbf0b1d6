//! Fetching repositories from the GitHub API: a worker and a producer that share a queue on Redis.
//!
//! Worker: `ltq run examples::github::worker`. Producer: `cargo run -p examples --bin github`.

use std::time::Duration;

use ltq::middleware::{Retry, Timeout};
use ltq::{Context, RejectMessage, RetryMessage, State, TaskResult, Worker};
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde::{Deserialize, Serialize};

/// The GitHub API behind one shared HTTP client, so that all tasks share its connections.
#[derive(Debug)]
pub struct GitHub {
    http: reqwest::Client,
    base_url: String,
}

impl GitHub {
    /// The API at `GITHUB_API_URL`, else at <https://api.github.com>.
    ///
    /// # Errors
    ///
    /// The HTTP client cannot be built.
    pub fn from_env() -> reqwest::Result<Self> {
        // Fails only if the program has already chosen a cryptography provider, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base_url = std::env::var("GITHUB_API_URL").unwrap_or_else(|_| "https://api.github.com".to_owned());
        let http = reqwest::Client::builder().user_agent("ltq-example").build()?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned() })
    }
}

/// What the API says about a repository; the fields this example looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// `owner/name`.
    pub full_name: String,
    /// How many people have starred it.
    pub stargazers_count: u64,
    /// The main language, if GitHub found one.
    pub language: Option<String>,
}

/// Fetches one repository.
///
/// A repository that does not exist ends as a dead letter; where GitHub asks for patience the message waits as long as
/// it says; any other trouble is retried.
#[ltq::task(queue = "github", max_attempts = 5, timeout = "30s")]
pub async fn fetch_repo(github: State<GitHub>, ctx: Context, owner: String, name: String) -> TaskResult<Repository> {
    let url = format!("{}/repos/{owner}/{name}", github.base_url);
    let response = github.http.get(url).header("accept", "application/vnd.github+json").send().await?;
    match response.status() {
        StatusCode::NOT_FOUND => {
            return Err(RejectMessage::new(format!("there is no repository {owner}/{name}")).into());
        }
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let delay = Duration::from_secs(seconds.unwrap_or(60));
            return Err(RetryMessage::new(delay, "GitHub asks for patience").uncharged().into());
        }
        _ => {}
    }
    let repository: Repository = response.error_for_status()?.json().await?;
    let language = repository.language.as_deref().unwrap_or("no language");
    tracing::info!(stars = repository.stargazers_count, language, waited = ?ctx.age(), "{}", repository.full_name);
    Ok(repository)
}

/// The worker that `ltq run examples::github::worker` finds.
#[ltq::worker]
pub fn worker() -> Worker {
    let worker = Worker::new("github")
        .concurrency(20)
        .middleware(Retry::exponential(Duration::from_secs(1), Duration::from_secs(60)))
        .middleware(Timeout::after(Duration::from_secs(30)));
    match GitHub::from_env() {
        Ok(github) => worker.state(github),
        Err(error) => {
            // Without its state the worker refuses to start and says which one is missing.
            tracing::error!(%error, "the HTTP client cannot be built");
            worker
        }
    }
}
