//! The programs of the package `examples`, built and run as a reader of the README runs them.

mod github_api;
mod one_idea;
pub(crate) mod programs;

use std::collections::BTreeSet;

use ltq::{Client, DeadReason};
use ltq_tests::program::{PATIENCE, Program};
use ltq_tests::redis_server::RedisServer;
use nix::sys::signal::Signal;

use self::github_api::{Answer, GitHubApi};
use self::programs::{BUILDING, beside, build, root, stdout};

/// Of 500 repositories every kind of trouble meets some.
fn answer(index: usize) -> Answer {
    match index % 25 {
        3 => Answer::NotFound,
        6 => Answer::Once(429),
        9 => Answer::Once(403),
        12 => Answer::Once(500),
        _ => Answer::Found,
    }
}

#[tokio::test]
async fn the_quickstart_shows_results_a_retry_and_a_dead_letter() {
    let programs = build();
    let mut quickstart = Program::new(&programs.quickstart).env_remove("LTQ_URL").start();
    quickstart.expect_exit(PATIENCE, 0).await;
    assert_eq!(
        stdout(&quickstart),
        "\
sent 312 messages to memory://
   charge_card  30 done, for example: order 1 charged at attempt 2
  count_primes  50 done, for example: 1007 primes below 8000
         greet 202 done, for example: Hello, early bird!
          ship  29 done, for example: order 1 shipped to 1 Main Street
       retries  30 put back and tried again
   dead letter     rejected: order 13 has no address at attempt 1
"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_github_example_fetches_500_repositories_and_loses_none() {
    let programs = build();
    let redis = RedisServer::start();
    let names: Vec<_> = (0..500).map(|index| format!("owner-{}/repository-{index}", index % 7)).collect();
    let api = GitHubApi::start(names.iter().enumerate().map(|(index, name)| (name.clone(), answer(index)))).await;
    let missing: BTreeSet<_> = names
        .iter()
        .enumerate()
        .filter(|(index, _)| answer(*index) == Answer::NotFound)
        .map(|(_, name)| name)
        .collect();

    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("repositories.txt");
    std::fs::write(&list, names.join("\n")).unwrap();

    // The first terminal.
    let worker = Program::new(&programs.ltq).args(["run", "examples::github::worker", "--url", &redis.url()]);
    let mut worker = worker.dir(root()).env("GITHUB_API_URL", api.url()).start();
    // The second.
    let producer = Program::new(&programs.github).args(["--url", &redis.url(), "--file"]).arg(&list);
    let mut producer = producer.start();
    beside(&mut worker, producer.expect_exit(BUILDING, 0)).await;
    worker.signal(Signal::SIGTERM);
    worker.expect_exit(PATIENCE, 0).await;

    let output = stdout(&producer);
    assert!(output.starts_with("sent 500 messages"), "{output}");
    let last = format!("{} fetched, {} ended as dead letters\n", names.len() - missing.len(), missing.len());
    assert!(output.contains(&last), "{output}");

    // Every repository was handed over once, whatever went wrong on the way there; so none was lost.
    let found: BTreeSet<_> = names.iter().filter(|name| !missing.contains(name)).cloned().collect();
    assert_eq!(api.handed_over(), found);

    let client = Client::connect(&redis.url()).await.unwrap();
    let stats = client.queue("github").unwrap().stats().await.unwrap();
    assert_eq!((stats.counts.done, stats.dead), (480, 20));
    assert_eq!((stats.ready, stats.scheduled, stats.active), (0, 0, 0));
    let letters = client.queue("github").unwrap().dead_letters().list(0, 100).await.unwrap();
    let texts: BTreeSet<_> = letters.iter().map(|letter| letter.error.clone()).collect();
    assert!(letters.iter().all(|letter| letter.reason == DeadReason::Rejected && letter.attempts == 1), "{letters:?}");
    assert_eq!(texts, missing.iter().map(|name| format!("rejected: there is no repository {name}")).collect());
}
