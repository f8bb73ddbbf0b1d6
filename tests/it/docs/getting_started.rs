//! The project of `docs/getting-started.md`, written from that page, built, and run.

use std::fs;
use std::path::Path;
use std::process::Command;

use ltq::Client;
use ltq_tests::redis_server::RedisServer;

use crate::examples::programs::{Running, build, cargo, finish, root};

const PAGE: &str = include_str!("../../../docs/getting-started.md");

/// The first block of code in `language` after the text `after`.
fn block(after: &str, language: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(after).unwrap();
    let (_, rest) = rest.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// Writes the project, in a folder that stays, so that cargo builds only what changed.
fn write(folder: &Path) {
    fs::create_dir_all(folder.join("src")).unwrap();
    let ltq = format!("ltq = {{ path = {:?} }}", root());
    let manifest = block("`Cargo.toml`:", "toml").replace("ltq = { path = \"../ltq\" }", &ltq);
    assert!(manifest.contains(&ltq), "{manifest}");
    // It stands inside another workspace here.
    let manifest = manifest + "\n[workspace]\n";
    let files = [
        ("Cargo.toml", manifest.as_str()),
        ("src/lib.rs", block("`src/lib.rs`:", "rust")),
        ("src/main.rs", block("`src/main.rs`:", "rs")),
    ];
    for (name, content) in files {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|last| last == content) {
            continue;
        }
        fs::write(path, content).unwrap();
    }
    // The versions that the rest of the tests is built with.
    if !folder.join("Cargo.lock").exists() {
        fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_project_of_getting_started_runs_as_the_page_says() {
    let programs = build();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("getting-started");
    write(&folder);
    let mut building = cargo(&folder, &programs.target);
    assert_eq!(finish(building.arg("build")).0, 0, "the project does not build; cargo's messages are above");

    let redis = RedisServer::start();
    let mut worker = Command::new(&programs.ltq);
    worker.args(["run", "hello::worker", "--url", &redis.url()]).current_dir(&folder);
    worker.env("CARGO_TARGET_DIR", &programs.target);
    let mut worker = Running::start(worker);
    let mut sender = Command::new(programs.target.join("debug").join("hello"));
    sender.env("LTQ_URL", redis.url());
    let (code, output) = worker.beside(sender).await;
    assert_eq!(code, 0);
    assert!(output.starts_with("sent ") && output.ends_with("\nsent 2 more\n"), "{output}");

    let client = Client::connect(&redis.url()).await.unwrap();
    worker.until(async { while client.stats("greetings").await.unwrap().counts.done < 3 {} }).await;
    let log = worker.stop().await;
    for name in ["world", "Ada", "Grace"] {
        assert!(log.contains(&format!("Hello, {name}!")), "{log}");
    }
}
