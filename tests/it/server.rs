//! The server that the harness starts is the one that was asked for; without this, a run on another server could show
//! something of the system's.

use ltq_tests::bare;
use ltq_tests::redis_server::{RedisServer, program};

#[tokio::test]
async fn the_server_is_the_one_that_was_asked_for() {
    let server = RedisServer::start();
    let client = bare::connect(server.port()).await;
    let info = bare::info(&client, "server").await;
    let runs = std::fs::canonicalize(bare::field(&info, "executable").unwrap()).unwrap();
    assert_eq!(runs, std::fs::canonicalize(program()).unwrap());
}
