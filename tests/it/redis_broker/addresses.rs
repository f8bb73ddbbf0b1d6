//! Addresses that work, and errors about those that do not: the host is shown, the password never.

use ltq_core::broker::BrokerError;

use super::*;

async fn refused(url: &str) -> (BrokerError, String) {
    let error = connect(url, &ConnectOptions::default()).await.unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    assert!(!text.contains("secret") && !format!("{error:?}").contains("secret"), "{text}");
    (error, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_address_connects() {
    let server = RedisServer::options().arg("--user").arg("me on >secret ~* &* +@all").start();
    let port = server.port();
    let socket = server.socket();
    let socket = socket.display();
    for url in [
        server.url(),
        format!("redis://127.0.0.1:{port}/3"),
        format!("redis://localhost:{port}/0"),
        format!("redis://me:secret@127.0.0.1:{port}/1"),
        server.unix_url(),
        format!("unix://{socket}?db=2"),
        format!("unix://me:secret@localhost{socket}?db=4"),
    ] {
        let broker = connect(&url, &ConnectOptions::default()).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(!broker.address().contains("secret") && !format!("{broker:?}").contains("secret"));
        // What one database holds, the others do not.
        assert_eq!(broker.stats(&queue()).await.unwrap().ready, u64::from(url.contains("/0")));
        if url == server.url() {
            publish(broker.as_ref(), 1).await;
        } else if url.contains("/0") {
            broker.turn(&turn(&WorkerId::new(), 1, 1, Vec::new())).await.unwrap();
        }
        broker.close().await;
        broker.close().await;
        assert!(matches!(broker.stats(&queue()).await, Err(BrokerError::Closed { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_share_a_server() {
    let server = RedisServer::start();
    let one = broker(&server).await;
    let other = connect(&server.url(), &ConnectOptions::default().namespace("other")).await.unwrap();
    publish(one.as_ref(), 1).await;
    assert_eq!(one.stats(&queue()).await.unwrap().ready, 1);
    assert_eq!(other.stats(&queue()).await.unwrap().ready, 0);
    assert!(other.queues().await.unwrap().is_empty());
    let error = connect(&server.url(), &ConnectOptions::default().namespace("a{b}")).await.unwrap_err();
    assert!(error.to_string().contains("namespace"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_addresses_say_what_is_wrong() {
    let server = RedisServer::options().arg("--requirepass").arg("right").start();
    let port = server.port();

    let (error, text) = refused(&format!("redis://:secret@127.0.0.1:{port}")).await;
    assert!(matches!(error, BrokerError::Refused { .. }), "{error:?}");
    assert!(text.contains("127.0.0.1") && text.contains("WRONGPASS"), "{text}");

    let (error, text) = refused(&server.url()).await;
    assert!(matches!(error, BrokerError::Refused { .. }), "{error:?}");
    assert!(text.contains("NOAUTH"), "{text}");

    let (_, text) = refused(&format!("redis://:right@127.0.0.1:{port}/99")).await;
    assert!(text.contains("127.0.0.1") && text.contains("DB index"), "{text}");

    let (error, text) = refused(&format!("redis://:secret@127.0.0.1:{port}/none")).await;
    assert!(matches!(error, BrokerError::Address { .. }), "{error:?}");
    assert!(text.contains("`none`"), "{text}");

    let (error, text) = refused("unix:///nowhere/redis.sock?password=secret").await;
    assert!(matches!(error, BrokerError::Address { .. }), "{error:?}");
    assert!(text.contains("`password`"), "{text}");

    let (error, text) = refused("unix:///nowhere/redis.sock").await;
    assert!(error.is_transient() && text.contains("No such file"), "{text}");

    let (_, text) = refused("redis-sentinel://host:26379").await;
    assert!(text.contains("sentinelServiceName"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_said_at_once() {
    let mut server = RedisServer::start();
    server.stop();
    let (error, text) = refused(&format!("redis://:secret@127.0.0.1:{}", server.port())).await;
    assert!(error.is_transient() && text.contains("127.0.0.1") && text.contains("refused"), "{text}");
    let (error, text) = refused("redis://:secret@no-such-host.invalid").await;
    assert!(error.is_transient() && text.contains("no-such-host.invalid"), "{text}");
}
