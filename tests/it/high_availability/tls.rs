//! Encrypted connections: an authority of one's own, a client certificate, and mistakes.

use ltq_core::broker::{BrokerError, ConnectOptions, connect};
use ltq_tests::certificates::Certificates;
use ltq_tests::redis_server::{RedisOptions, RedisServer};
use ltq_tests::tasks;

use super::Scene;
use crate::support::{stop, work};

mod conformance {
    use ltq_tests::certificates::Certificates;
    use ltq_tests::redis_server::RedisServer;

    use super::{address, server};

    async fn servers() -> ((RedisServer, Certificates), String) {
        let certificates = Certificates::for_server(&["127.0.0.1"]);
        let server = server(&certificates).arg("--tls-auth-clients").arg("yes").start();
        let (cert, key) = (certificates.client_cert(), certificates.client_key());
        let url = format!("{}&cert={}&key={}", address(&server, &certificates), cert.display(), key.display());
        ((server, certificates), url)
    }

    ltq_tests::conformance!(shared servers);
}

fn server(certificates: &Certificates) -> RedisOptions {
    RedisServer::options().tls(certificates)
}

fn address(server: &RedisServer, trusted: &Certificates) -> String {
    format!("rediss://127.0.0.1:{}?ca={}", server.port(), trusted.ca().display())
}

/// The error of an address that does not work, and its words.
async fn mistake(url: &str) -> (BrokerError, String) {
    let error = connect(url, &ConnectOptions::default()).await.unwrap_err();
    let text = error.to_string();
    (error, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_trusts_the_authority_it_is_told_to() {
    let certificates = Certificates::for_server(&["127.0.0.1"]);
    let mut server = server(&certificates).appendonly().start();
    let scene = Scene::new(address(&server, &certificates)).await;
    let mut worker = scene.worker().start();
    scene.client.send_bulk(work(50, 0)).await.unwrap();
    scene.ledger_shows(|ledger| ledger.finished() == 50).await;
    server.restart();
    scene.client.send(tasks::work.message("afterwards", 0)).await.unwrap();
    scene.ledger_shows(|ledger| ledger.finished() == 51).await;
    scene.read().assert_each_once(51);
    stop(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_do_not_fit_are_named() {
    let certificates = Certificates::for_server(&["127.0.0.1"]);
    let server = server(&certificates).start();
    let port = server.port();

    let stranger = Certificates::for_server(&["127.0.0.1"]);
    let (error, text) = mistake(&address(&server, &stranger)).await;
    assert!(matches!(error, BrokerError::Tls { .. }) && text.contains("?ca="), "{text}");
    // Nor does the system know that authority.
    let (error, text) = mistake(&format!("rediss://127.0.0.1:{port}")).await;
    assert!(text.contains("?ca="), "{error:?}");

    let (error, text) = mistake(&address(&server, &certificates).replace("127.0.0.1", "localhost")).await;
    assert!(matches!(error, BrokerError::Tls { .. }) && text.contains("not for the name"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_can_be_demanded() {
    let certificates = Certificates::for_server(&["127.0.0.1"]);
    let server = server(&certificates).arg("--tls-auth-clients").arg("yes").start();
    let bare = address(&server, &certificates);
    let (error, text) = mistake(&bare).await;
    assert!(matches!(error, BrokerError::Tls { .. }) && text.contains("&cert="), "{text}");

    let (cert, key) = (certificates.client_cert(), certificates.client_key());
    let (cert, key) = (cert.display(), key.display());
    let broker = connect(&format!("{bare}&cert={cert}&key={key}"), &ConnectOptions::default()).await.unwrap();
    assert!(broker.queues().await.unwrap().is_empty());
    broker.close().await;

    let (error, text) = mistake(&format!("{bare}&cert={cert}")).await;
    assert!(matches!(error, BrokerError::Address { .. }) && text.contains("&key="), "{text}");
    let (error, text) = mistake(&format!("{bare}&cert={cert}&key={cert}")).await;
    assert!(matches!(error, BrokerError::Address { .. }) && text.contains("no private key"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_side_encrypts_and_the_other_does_not() {
    let certificates = Certificates::for_server(&["127.0.0.1"]);
    let encrypted = server(&certificates).start();
    let open = RedisServer::start();
    let (error, text) = mistake(&format!("redis://127.0.0.1:{}", encrypted.port())).await;
    assert!(matches!(error, BrokerError::Unavailable { .. }) && text.contains("rediss://"), "{text}");
    let (error, text) = mistake(&address(&open, &certificates)).await;
    assert!(matches!(error, BrokerError::Unavailable { .. }) && text.contains("write redis://"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_parameters_that_are_wrong_are_named() {
    for (url, names) in [
        ("rediss://:secret@h?ca=/no/such/file", "/no/such/file"),
        ("rediss://:secret@h?tls=yes", "`tls`"),
        ("redis://:secret@h?ca=/ca.pem", "rediss://"),
        ("redis-cluster://:secret@h:1/3", "one database"),
    ] {
        let (error, text) = mistake(url).await;
        assert!(matches!(error, BrokerError::Address { .. }), "{error:?}");
        assert!(text.contains(names) && !text.contains("secret"), "{text}");
    }
}
