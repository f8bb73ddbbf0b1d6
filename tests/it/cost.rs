//! What a message costs Redis under load: few commands, hardly more bytes than its own, and no look at each.

use fred::types::Value;
use ltq::{Client, Task as _, Worker};
use ltq_tests::redis_server::RedisServer;

use crate::support::{Running, command, stats_show};

const MESSAGES: u32 = 20_000;
/// Commands a message may cost under load, sending included.
const COMMANDS: f64 = 0.1;
/// Bytes a message may cost on its way in, out and settled, beside twice its own.
const BYTES: f64 = 100.0;
/// Bytes of one of these messages.
const OWN: f64 = 160.0;

#[ltq::task(queue = "cost")]
async fn nothing(padding: String) {
    let _ = padding;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_a_message_costs_few_commands_and_little_beside_its_bytes() {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await.unwrap();
    let before = Figures::read(&server).await;
    client.send_bulk((0..MESSAGES).map(|_| nothing.message("x".repeat(80)))).await.unwrap();
    let running = Running::start(Worker::for_tasks("w", [nothing::DEF]).concurrency(100), &client);
    stats_show(&client, "cost", |stats| stats.counts.done == u64::from(MESSAGES)).await;
    running.stop().await;
    let after = Figures::read(&server).await;
    let commands = (after.calls - before.calls) / f64::from(MESSAGES);
    let batches = after.batches - before.batches;
    assert!(batches >= f64::from(MESSAGES / 2_000), "{batches} batches: messages were taken one by one");
    let bytes = (after.bytes - before.bytes) / f64::from(MESSAGES);
    assert!(commands <= COMMANDS, "{commands} commands a message");
    assert!(bytes <= 2.0 * OWN + BYTES, "{bytes} bytes a message");
}

/// What the server has counted.
struct Figures {
    /// Calls of scripts, and what was read beside them.
    calls: f64,
    /// Batches taken.
    batches: f64,
    /// In and out.
    bytes: f64,
}

impl Figures {
    async fn read(server: &RedisServer) -> Self {
        let called = info(server, "commandstats", "cmdstat_evalsha:calls=").await;
        let calls = called + info(server, "commandstats", "cmdstat_lrange:calls=").await;
        let batches = info(server, "commandstats", "cmdstat_sort:calls=").await;
        let read = info(server, "stats", "total_net_input_bytes:").await;
        let written = info(server, "stats", "total_net_output_bytes:").await;
        Self { calls, batches, bytes: read + written }
    }
}

/// The number behind `field`; nothing was counted where there is none.
async fn info(server: &RedisServer, section: &str, field: &str) -> f64 {
    let text: Value = command(server, "INFO", &[section]).await;
    let text = text.into_string().unwrap();
    let rest = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
    rest.split(',').next().unwrap().trim().parse().unwrap()
}
