//! What a worker tells about its work.

use serde_json::Value;

use crate::support::{Stage, stop, work};

#[tokio::test(flavor = "multi_thread")]
async fn every_line_about_an_execution_names_its_message() {
    let stage = Stage::new().await;
    let ids = stage.client.send_bulk(work(1, 0)).await.unwrap();
    let mut worker = stage.worker().args(["--log-format", "json", "--log-level", "debug"]).start();
    let line = worker
        .wait_until("a finished execution", |lines| {
            lines
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(&line.text).ok())
                .find(|line| line["message"] == "done")
        })
        .await;
    let span = &line["span"];
    assert_eq!(span["name"], "execute");
    assert_eq!(span["id"], ids[0].to_string());
    assert_eq!(span["task"], "ltq_tests::tasks::work");
    assert_eq!(span["queue"], "test-worker");
    assert_eq!((&span["attempt"], &span["delivery"]), (&1.into(), &1.into()));
    stop(&mut worker).await;
}
