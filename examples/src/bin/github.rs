//! `cargo run -p examples --bin github [owner/name …]`: puts repositories on the queue and follows them to the end.
//!
//! Start a worker first, in another terminal: `ltq run examples::github::worker`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples::github::fetch_repo;
use indicatif::{ProgressBar, ProgressStyle};
use ltq::{Client, Message, TaskError, TaskResult};

const WELL_KNOWN: &[&str] = &[
    "tokio-rs/tokio",
    "tokio-rs/axum",
    "tower-rs/tower",
    "serde-rs/serde",
    "hyperium/hyper",
    "rust-lang/rust",
    "rust-lang/cargo",
    "BurntSushi/ripgrep",
    "redis/redis",
    "valkey-io/valkey",
];

/// Puts repositories on the queue `github` and follows them to the end.
#[derive(Debug, Parser)]
struct Args {
    /// Repositories as `owner/name`; a few well-known ones if none are given.
    repositories: Vec<String>,
    /// A file with one `owner/name` a line.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Where the queue is.
    #[arg(long, env = "LTQ_URL", default_value = "redis://localhost:6379", hide_env_values = true)]
    url: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the output is the point")]
async fn run(args: Args) -> TaskResult {
    let names = repositories(&args)?;
    let messages = names.iter().map(|name| message(name)).collect::<TaskResult<Vec<_>>>()?;
    let client = ltq::connect(&args.url).await?;
    let before = client.queue("github")?.stats().await?.counts;
    let total = fetch_repo.send_bulk(messages).await?.len();
    println!("sent {total} messages; a worker fetches them: ltq run examples::github::worker");

    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {msg}").map_err(TaskError::boxed)?;
    let bar = ProgressBar::new(u64::try_from(total)?).with_style(style);
    let dead = follow(&client, &bar, before.done, before.dead).await?;
    bar.finish_and_clear();
    println!("{} fetched, {dead} ended as dead letters", bar.length().unwrap_or_default() - dead);
    if dead > 0 {
        for letter in client.queue("github")?.dead_letters().list(0, dead.min(5)).await? {
            println!("  {}", letter.error);
        }
    }
    Ok(())
}

fn repositories(args: &Args) -> TaskResult<Vec<String>> {
    let mut names = args.repositories.clone();
    if let Some(file) = &args.file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| TaskError::msg(format!("cannot read {}: {error}", file.display())))?;
        names.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    if names.is_empty() {
        names.extend(WELL_KNOWN.iter().map(|&name| name.to_owned()));
    }
    Ok(names)
}

fn message(repository: &str) -> TaskResult<Message> {
    let Some((owner, name)) = repository.split_once('/') else {
        return Err(TaskError::msg(format!("`{repository}` is not a repository: write owner/name")));
    };
    Ok(fetch_repo.message(owner, name))
}

/// Moves the bar until every message of ours has ended; returns how many ended as dead letters.
async fn follow(client: &Client, bar: &ProgressBar, done_before: u64, dead_before: u64) -> TaskResult<u64> {
    let total = bar.length().unwrap_or_default();
    loop {
        let counts = client.queue("github")?.stats().await?.counts;
        let (done, dead) = (counts.done - done_before, counts.dead - dead_before);
        bar.set_position((done + dead).min(total));
        bar.set_message(if dead > 0 { format!("{dead} dead") } else { String::new() });
        if done + dead >= total {
            return Ok(dead);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
