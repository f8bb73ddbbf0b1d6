//! [`GitHubApi`]: a server on this machine that answers `GET /repos/{owner}/{name}` as GitHub's REST API does, in the
//! shape of its answers and in the ways in which it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What is said about one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is there.
    Found,
    /// There is none.
    NotFound,
    /// This status to the first request, 429 and 403 with `Retry-After`; it is there for those that follow.
    Once(u16),
}

/// The server. It stops with the test's runtime.
pub(super) struct GitHubApi {
    url: String,
    repositories: Arc<Repositories>,
}

struct Repositories {
    answers: Mutex<BTreeMap<String, Answer>>,
    handed_over: Mutex<Vec<String>>,
}

impl GitHubApi {
    /// Starts it with these repositories, each called `owner/name`.
    pub(super) async fn start(answers: impl Iterator<Item = (String, Answer)>) -> Self {
        let repositories =
            Arc::new(Repositories { answers: Mutex::new(answers.collect()), handed_over: Mutex::default() });
        let router =
            Router::new().route("/repos/{owner}/{name}", get(repository)).with_state(Arc::clone(&repositories));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, repositories }
    }

    /// What belongs into `GITHUB_API_URL`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The repositories that were handed over.
    ///
    /// # Panics
    ///
    /// One was handed over twice.
    pub(super) fn handed_over(&self) -> BTreeSet<String> {
        let names = self.repositories.handed_over.lock().unwrap();
        let unique: BTreeSet<_> = names.iter().cloned().collect();
        assert_eq!(unique.len(), names.len(), "a repository was fetched twice");
        unique
    }
}

async fn repository(
    State(repositories): State<Arc<Repositories>>,
    Path((owner, name)): Path<(String, String)>,
) -> Response {
    let full_name = format!("{owner}/{name}");
    let answer = {
        let mut answers = repositories.answers.lock().unwrap();
        let answer = answers.get_mut(&full_name);
        answer.map_or(Answer::NotFound, |answer| {
            if let Answer::Once(_) = *answer { std::mem::replace(answer, Answer::Found) } else { *answer }
        })
    };
    match answer {
        Answer::Found => {
            repositories.handed_over.lock().unwrap().push(full_name);
            Json(found(&owner, &name)).into_response()
        }
        Answer::NotFound => refused(StatusCode::NOT_FOUND, "Not Found").into_response(),
        Answer::Once(status @ (403 | 429)) => {
            let text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
            ([(RETRY_AFTER, "1")], refused(StatusCode::from_u16(status).unwrap(), text)).into_response()
        }
        Answer::Once(status) => refused(StatusCode::from_u16(status).unwrap(), "Server Error").into_response(),
    }
}

fn refused(status: StatusCode, message: &str) -> (StatusCode, Json<Value>) {
    let body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest/repos/repos#get-a-repository",
        "status": status.as_str(),
    });
    (status, Json(body))
}

fn found(owner: &str, name: &str) -> Value {
    let number = u64::try_from(owner.len() * 1_000 + name.len()).unwrap();
    json!({
        "id": number,
        "node_id": format!("R_{number}"),
        "name": name,
        "full_name": format!("{owner}/{name}"),
        "private": false,
        "owner": {
            "login": owner,
            "id": number + 1,
            "node_id": format!("O_{number}"),
            "avatar_url": "https://avatars.githubusercontent.com/u/1?v=4",
            "html_url": format!("https://github.com/{owner}"),
            "type": "Organization",
            "site_admin": false,
        },
        "html_url": format!("https://github.com/{owner}/{name}"),
        "description": if number % 3 == 0 { Value::Null } else { json!("A repository, with an ünusual description") },
        "fork": false,
        "url": format!("https://api.github.com/repos/{owner}/{name}"),
        "created_at": "2016-09-09T22:31:36Z",
        "updated_at": "2024-05-01T09:12:44Z",
        "pushed_at": "2024-05-01T08:55:12Z",
        "homepage": "",
        "size": 12_345,
        "stargazers_count": number,
        "watchers_count": number,
        "language": if number % 5 == 0 { Value::Null } else { json!("Rust") },
        "has_issues": true,
        "has_wiki": false,
        "forks_count": 2_400,
        "archived": false,
        "disabled": false,
        "open_issues_count": 311,
        "license": { "key": "mit", "name": "MIT License", "spdx_id": "MIT", "url": "https://api.github.com/licenses/mit" },
        "allow_forking": true,
        "topics": ["asynchronous", "networking", "rust"],
        "visibility": "public",
        "forks": 2_400,
        "open_issues": 311,
        "watchers": number,
        "default_branch": "main",
        "network_count": 2_400,
        "subscribers_count": 373,
    })
}
