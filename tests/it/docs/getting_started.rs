//! The project of `docs/getting-started.md`, written from that page, built, and run.

use std::fs;
use std::path::Path;

use ltq::Client;
use ltq_tests::program::{PATIENCE, Program};
use ltq_tests::redis_server::RedisServer;
use nix::sys::signal::Signal;

use crate::examples::programs::{beside, build, cargo_build, root, stdout};

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
    // It stands inside another workspace here; with that one's profile it shares what is built already.
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, profile) = workspace.split_once("[profile.dev]\n").unwrap();
    let manifest = format!("{manifest}\n[workspace]\n\n[profile.dev]\n{profile}");
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
    cargo_build(&folder, &programs.target, &[]);

    let redis = RedisServer::start();
    let worker = Program::new(&programs.ltq).args(["run", "hello::worker", "--url", &redis.url()]);
    let mut worker = worker.dir(&folder).env("CARGO_TARGET_DIR", &programs.target).start();
    let mut sender = Program::new(programs.target.join("debug").join("hello")).env("LTQ_URL", redis.url()).start();
    sender.expect_exit(PATIENCE, 0).await;
    let output = stdout(&sender);
    assert!(output.starts_with("sent ") && output.ends_with("\nsent 2 more\n"), "{output}");

    let client = Client::connect(&redis.url()).await.unwrap();
    beside(&mut worker, async { while client.queue("greetings").unwrap().stats().await.unwrap().counts.done < 3 {} })
        .await;
    for name in ["world", "Ada", "Grace"] {
        worker.wait_for(&format!("Hello, {name}!")).await;
    }
    worker.signal(Signal::SIGTERM);
    worker.expect_exit(PATIENCE, 0).await;
}
