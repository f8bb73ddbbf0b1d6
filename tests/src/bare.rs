//! A plain Redis client, which sees nothing of the repairs of LTQ's.

use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, PerformanceConfig, ServerConfig};
use fred::types::{ClusterHash, CustomCommand, Value};

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects to the server at a port of this machine.
///
/// # Panics
///
/// It does not answer.
pub async fn connect(port: u16) -> Client {
    let client = client(port);
    client.init().await.unwrap_or_else(|error| panic!("port {port}: {error}"));
    client
}

fn client(port: u16) -> Client {
    let config = Config { server: ServerConfig::new_centralized("127.0.0.1", port), ..Config::default() };
    let performance = PerformanceConfig { default_command_timeout: PATIENCE, ..PerformanceConfig::default() };
    Client::new(config, Some(performance), None, None)
}

/// Sends a command, for example `bare::try_call(&client, "CONFIG GET maxmemory")`.
///
/// # Errors
///
/// What the server says.
pub async fn try_call(client: &Client, command: &str) -> Result<Value, Error> {
    let mut words = command.split(' ').map(str::to_owned);
    let name = words.next().unwrap_or_default();
    client.custom(CustomCommand::new(name, ClusterHash::FirstKey, false), words.collect()).await
}

/// As [`try_call`], for a command that cannot fail.
///
/// # Panics
///
/// It fails.
pub async fn call(client: &Client, command: &str) -> Value {
    try_call(client, command).await.unwrap_or_else(|error| panic!("`{command}`: {error}"))
}

/// One command over a connection of its own.
///
/// # Errors
///
/// The server does not answer, or what it says.
pub async fn ask(port: u16, command: &str) -> Result<Value, Error> {
    let client = client(port);
    client.init().await?;
    let answer = try_call(&client, command).await;
    let _ = client.quit().await;
    answer
}

/// The answer to `INFO section` as text.
///
/// # Panics
///
/// There is none.
pub async fn info(client: &Client, section: &str) -> String {
    call(client, &format!("INFO {section}")).await.as_string().unwrap()
}

/// One number or word of an answer to `INFO`.
#[must_use]
pub fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
