//! A primary is lost under load, and its replica takes over.

use ltq_core::broker::{BrokerError, ConnectOptions, connect};
use ltq_tests::bare;
use ltq_tests::conformance::eventually;
use ltq_tests::redis_sentinel::Sentinels;
use ltq_tests::tasks;

use super::{Scene, replicated};
use crate::producer::Producer;
use crate::support::stop;

mod conformance {
    use ltq_tests::redis_sentinel::Sentinels;

    async fn servers() -> (Sentinels, String) {
        let servers = Sentinels::start().await;
        let url = servers.url();
        (servers, url)
    }

    ltq_tests::conformance!(shared servers);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_is_killed_under_load() {
    let mut servers = Sentinels::start().await;
    let scene = Scene::new(servers.url()).await;
    let mut worker = scene.worker().start();
    let producer = Producer::start(&scene.client);
    producer.accepts(200).await;
    // A worker that cannot connect at its start ends; this one has.
    scene.ledger_shows(|ledger| ledger.finished() > 100).await;
    replicated(&servers.servers[0], &servers.servers[1]).await;
    servers.servers[0].kill();
    servers.promoted().await;
    scene.progress("sentinel, primary killed").await;
    producer.accepts(200).await;
    let (accepted, failed) = producer.finish().await;
    scene.assert_all_ran(&accepted, failed).await;
    stop(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_freezes_under_load_and_comes_back_as_a_replica() {
    let servers = Sentinels::start().await;
    let scene = Scene::new(servers.url()).await;
    let mut worker = scene.worker().start();
    let producer = Producer::start(&scene.client);
    producer.accepts(200).await;
    // A worker that cannot connect at its start ends; this one has.
    scene.ledger_shows(|ledger| ledger.finished() > 100).await;
    replicated(&servers.servers[0], &servers.servers[1]).await;
    servers.servers[0].pause();
    servers.promoted().await;
    scene.progress("sentinel, primary frozen").await;
    producer.accepts(200).await;
    servers.servers[0].resume();
    let old = servers.servers[0].port();
    eventually(async || {
        let info = bare::ask(old, "INFO replication").await.ok()?.as_string()?;
        info.contains("master_link_status:up").then_some(())
    })
    .await;
    producer.accepts(200).await;
    let (accepted, failed) = producer.finish().await;
    scene.assert_all_ran(&accepted, failed).await;
    stop(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_takes_part_again() {
    let mut servers = Sentinels::start().await;
    let scene = Scene::new(servers.url()).await;
    let mut worker = scene.worker().start();
    scene.client.send(tasks::work.message("before", 0)).await.unwrap();
    scene.ledger_shows(|ledger| ledger.finished() == 1).await;
    replicated(&servers.servers[0], &servers.servers[1]).await;
    servers.servers[0].pause();
    servers.promoted().await;
    let sent = tokio::spawn({
        let client = scene.client.clone();
        async move { client.send(tasks::work.message("after", 0)).await }
    });
    scene.progress("sentinel, primary frozen, worker idle").await;
    sent.await.unwrap().unwrap();
    servers.servers[0].kill();
    scene.client.send(tasks::work.message("again", 0)).await.unwrap();
    scene.ledger_shows(|ledger| ledger.finished() == 3).await;
    scene.read().assert_each_once(3);
    stop(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_the_address_are_named() {
    let servers = Sentinels::start().await;
    let url = servers.url().replace("=main", "=other");
    let error = connect(&url, &ConnectOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("other"), "{error}");
    let one = servers.url();
    drop(servers);
    let error = connect(&one, &ConnectOptions::default()).await.unwrap_err();
    assert!(matches!(error, BrokerError::Unavailable { .. }) && error.to_string().contains("sentinel"), "{error}");
}
