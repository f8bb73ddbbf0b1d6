//! The server restarts, hangs or refuses: the same broker goes on, and no call hangs.

use ltq_core::broker::BrokerError;
use ltq_tests::conformance::{in_time, wait};

use super::*;

/// Runs the broker call again until it succeeds, as the worker and the client do.
macro_rules! until_ok {
    ($call:expr) => {
        loop {
            match $call.await {
                Ok(reply) => break reply,
                Err(error) => assert!(error.is_transient(), "{error:?}"),
            }
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_loses_nothing() {
    let mut server = RedisServer::options().appendonly().start();
    let broker = broker(&server).await;
    let ids = publish(broker.as_ref(), 4).await;
    let mut wait = broker.waits(&[queue()]).remove(0);
    assert_eq!(wait.wait(LEASE).await.unwrap(), Some(queue()));
    let worker = WorkerId::new();
    let taken = broker.turn(&turn(&worker, 1, 2, Vec::new())).await.unwrap().taken;
    assert_eq!(taken.len(), 2);

    server.kill();
    server.restart();
    let second = turn(&worker, 2, 10, done(&taken));
    let reply = until_ok!(broker.turn(&second));
    assert_eq!(reply.refused, 0);
    assert_eq!(reply.taken.iter().map(|delivered| delivered.id).collect::<Vec<_>>(), ids[2..]);

    server.restart();
    assert!(until_ok!(broker.renew(&queue(), &worker, LEASE)).held);
    // The connection that waits comes back as well.
    publish(broker.as_ref(), 1).await;
    assert_eq!(until_ok!(wait.wait(LEASE)), Some(queue()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_in_progress_survives_a_restart() {
    let mut server = RedisServer::options().appendonly().start();
    let broker = broker(&server).await;
    let client = bare(&server).await;
    let waiting = tokio::spawn({
        let mut wait = broker.waits(&[queue()]).remove(0);
        async move { until_ok!(wait.wait(LEASE)) }
    });
    while command(&client, "INFO", &["clients"]).await.as_string().unwrap().contains("blocked_clients:0") {
        tokio::task::yield_now().await;
    }
    server.restart();
    publish(broker.as_ref(), 1).await;
    assert_eq!(waiting.await.unwrap(), Some(queue()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_never_hangs_while_the_server_is_away_or_frozen() {
    let mut server = RedisServer::start();
    let options = ConnectOptions::default().call_timeout(Duration::from_millis(300));
    let broker = connect(&server.url(), &options).await.unwrap();
    let batch = batch(ProducerId::new(), 1, [envelope().1], Due::Now);
    broker.publish(&batch).await.unwrap();

    server.pause();
    let error = broker.stats(&queue()).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    server.resume();
    assert_eq!(until_ok!(broker.stats(&queue())).ready, 1);

    server.stop();
    let error = broker.publish(&batch).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("127.0.0.1"), "{error:?}");
    let error = wait(&broker, &[queue()], Duration::from_millis(10)).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    server.restart();
    assert_eq!(until_ok!(broker.stats(&queue())).ready, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_ends_a_wait() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    let mut wait = broker.waits(&[queue()]).remove(0);
    assert_eq!(wait.wait(Duration::from_millis(1)).await.unwrap(), None);
    server.pause();
    let error = wait.wait(Duration::from_millis(1)).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    server.resume();
    // The server may still read the wait that was given up, and give it a token; the next message brings another.
    in_time(async {
        loop {
            publish(broker.as_ref(), 1).await;
            let woken = until_ok!(wait.wait(Duration::from_secs(1)));
            if woken == Some(queue()) {
                break;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_a_wait() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    let client = bare(&server).await;
    let waiting = tokio::spawn({
        let mut wait = broker.waits(&[queue()]).remove(0);
        async move { wait.wait(LEASE).await }
    });
    while command(&client, "INFO", &["clients"]).await.as_string().unwrap().contains("blocked_clients:0") {
        tokio::task::yield_now().await;
    }
    broker.close().await;
    assert!(matches!(waiting.await.unwrap(), Err(BrokerError::Closed { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_quotes_the_server_and_no_message() {
    let server = RedisServer::options().arg("--maxmemory").arg("1").start();
    let broker = broker(&server).await;
    let error = broker.publish(&batch(ProducerId::new(), 1, [Bytes::from_static(b"private")], Due::Now)).await;
    let error = error.unwrap_err();
    assert!(matches!(error, BrokerError::OutOfMemory { .. }), "{error:?}");
    assert!(error.to_string().contains("`maxmemory`") && !format!("{error:?}").contains("private"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_program_is_reported() {
    let server = RedisServer::start();
    let broker = broker(&server).await;
    command(&bare(&server).await, "SET", &["{ltq:q}:ready", "mine"]).await;
    let error = broker.publish(&batch(ProducerId::new(), 1, [envelope().1], Due::Now)).await.unwrap_err();
    assert!(matches!(error, BrokerError::WrongType { .. }), "{error:?}");
}
