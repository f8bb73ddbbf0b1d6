//! A worker process answers probes, whatever its tasks and its server do.

use std::net::SocketAddr;
use std::time::Duration;

use ltq_tests::conformance::eventually;
use ltq_tests::program::{PATIENCE, Program};
use ltq_tests::tasks::{self, LEASE_MS, WATCHDOG_MS};
use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Stage;

/// Longer than the test: only readiness has to see what happens.
const NEVER_MS: &str = "600000";

/// A worker whose bound of readiness is the shortest, and where it answers.
async fn probed(stage: &Stage) -> (Program, SocketAddr) {
    let worker =
        stage.worker().args(["--health-addr", "127.0.0.1:0"]).env(LEASE_MS, "500").env(WATCHDOG_MS, NEVER_MS).start();
    let line = worker.wait_for("answering probes").await.text;
    let (_, address) = line.split_once("127.0.0.1:").unwrap();
    let port: String = address.chars().take_while(char::is_ascii_digit).collect();
    (worker, format!("127.0.0.1:{port}").parse().unwrap())
}

/// The status and the body of an answer.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let asked = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: probe\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), asked).await.expect("a probe is answered");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Waits until `/ready` answers so, with a text that contains `part`.
async fn ready_says(address: SocketAddr, status: u16, part: &str) {
    eventually(async || {
        let answer = get(address, "/ready").await;
        (answer.0 == status && answer.1.contains(part)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_follows_the_server_and_live_does_not() {
    let mut stage = Stage::new().await;
    let (_worker, address) = probed(&stage).await;
    ready_says(address, 200, "ready").await;
    assert_eq!(get(address, "/live").await, (200, "live\n".to_owned()));
    stage.server.stop();
    ready_says(address, 503, "worker test-worker is not ready: its leases were not renewed").await;
    assert_eq!(get(address, "/live").await.0, 200);
    stage.server.restart();
    ready_says(address, 200, "ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_see_a_blocked_runtime() {
    let stage = Stage::new().await;
    let (_worker, address) = probed(&stage).await;
    ready_says(address, 200, "ready").await;
    stage.client.send_bulk((0..64).map(|key| tasks::block_thread.message(key.to_string()))).await.unwrap();
    ready_says(address, 503, "its fetch loop made no progress").await;
    assert_eq!(get(address, "/live").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_is_live_and_not_ready() {
    let stage = Stage::new().await;
    let (mut worker, address) = probed(&stage).await;
    let gate = stage.gate("gate");
    let held = tasks::hold.message("held".to_owned(), gate.to_str().unwrap().to_owned());
    stage.client.send(held).await.unwrap();
    stage.ledger_shows(|ledger| ledger.started() == 1).await;
    worker.signal(Signal::SIGTERM);
    ready_says(address, 503, "it was asked to stop").await;
    assert_eq!(get(address, "/live").await.0, 200);
    std::fs::write(&gate, "").unwrap();
    worker.expect_exit(PATIENCE, 0).await;
    stage.read().assert_each_once(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_say_what_there_is() {
    let stage = Stage::new().await;
    let (_worker, address) = probed(&stage).await;
    let (status, text) = get(address, "/").await;
    assert!(status == 200 && text.contains("/live") && text.contains("/ready"), "{text}");
    assert_eq!(get(address, "/health").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_cannot_be_used_is_named() {
    let stage = Stage::new().await;
    let mut worker = stage.worker().args(["--health-addr", "nonsense"]).start();
    worker.expect_exit(PATIENCE, 2).await;
    assert!(worker.output().contains("nonsense") && worker.output().contains("--health-addr"), "{}", worker.output());

    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut worker = stage.worker().env("LTQ_HEALTH_ADDR", &address).start();
    worker.expect_exit(PATIENCE, 1).await;
    let output = worker.output();
    assert!(output.contains(&address) && output.contains("--health-addr") && output.contains("in use"), "{output}");
}
