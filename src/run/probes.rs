//! Probes over HTTP: `/live` and `/ready`, for whatever starts and stops the program.
//!
//! They have a thread and a runtime of their own: a task that blocks the worker's runtime must be seen, not waited for.
//! What they say holds nothing that an open port should not tell.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ltq_core::worker::{Health, Shutdown};

/// How long one probe may take from its connection to its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a connection that could not be accepted, since the process has no more files: how long until the next.
const PAUSE: Duration = Duration::from_millis(100);

/// Whose health is asked for.
struct Probes {
    workers: Vec<(String, Health)>,
    shutdown: Shutdown,
}

/// Listens from now until the process ends.
pub(super) fn serve(address: SocketAddr, workers: Vec<(String, Health)>, shutdown: Shutdown) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    tracing::info!(address = %listener.local_addr()?, "answering probes");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let probes = std::sync::Arc::new(Probes { workers, shutdown });
    std::thread::Builder::new().name("ltq-probes".to_owned()).spawn(move || {
        runtime.block_on(async {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return tracing::error!(%error, "probes are not answered"),
            };
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let probes = std::sync::Arc::clone(&probes);
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = probes.answer(request.method(), request.uri().path());
                    async move { Ok::<_, Infallible>(answer) }
                });
                let connection =
                    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
                // A probe that hangs up early is no concern of the worker's.
                tokio::spawn(async move { drop(tokio::time::timeout(PATIENCE, connection).await) });
            }
        });
    })?;
    Ok(())
}

impl Probes {
    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let (status, text) = match path {
            _ if method != Method::GET && method != Method::HEAD => {
                (StatusCode::METHOD_NOT_ALLOWED, "probes use GET\n".to_owned())
            }
            "/" => (
                StatusCode::OK,
                "/live   503 when a worker makes no progress for the time of its watchdog\n\
                 /ready  503 when a worker takes no messages: it starts, stops, has no broker, or its runtime is blocked\n"
                    .to_owned(),
            ),
            "/live" => {
                self.of_all("live", |health| (!health.is_live()).then(|| "it makes no progress, nor does its broker answer".to_owned()))
            }
            "/ready" => self.of_all("ready", |health| {
                if self.shutdown.is_requested() {
                    return Some("it was asked to stop".to_owned());
                }
                health.not_ready().map(|why| why.to_string())
            }),
            _ => (StatusCode::NOT_FOUND, "there are /live and /ready\n".to_owned()),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }

    /// 200 if no worker has a fault, else 503 and each fault on a line.
    fn of_all(&self, what: &str, fault: impl Fn(&Health) -> Option<String>) -> (StatusCode, String) {
        let mut faults = String::new();
        for (name, health) in &self.workers {
            if let Some(fault) = fault(health) {
                // Writing into a `String` cannot fail.
                let _ = writeln!(faults, "worker {name} is not {what}: {fault}");
            }
        }
        if faults.is_empty() {
            (StatusCode::OK, format!("{what}\n"))
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, faults)
        }
    }
}
