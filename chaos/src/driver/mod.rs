//! Makes a run happen: starts everything, makes the planned faults, lets the queue drain, and collects what was noted.

mod producer;
mod redis;
mod settings;
mod stage;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ltq::Client;
use tokio::time::Instant;

use self::redis::Redis;
pub(crate) use self::settings::Settings;
use self::stage::Stage;
use crate::faults::{Party, Planned};
use crate::history::History;
use crate::plan::plan;
use crate::replay::Replay;
use crate::tasks::QUEUE;

/// How often the queue is looked at while it drains.
const LOOK: Duration = Duration::from_millis(200);

/// Runs it and returns its history.
pub(crate) async fn run(settings: &Settings) -> History {
    let redis = Redis::start(&settings.folder, settings.scenario.fsync).await;
    let rewrites = match settings.mutation {
        Some(mutation) => redis.rewrites(mutation).await,
        None => ltq_tests::fault_proxy::Rewrites::default(),
    };
    let stage = Arc::new(Stage::new(settings, redis.address(), rewrites));
    let client = Client::connect(&redis.url()).await.expect("a client of the server itself");

    let workers = join_all((0..settings.scenario.workers).map(|slot| worker::Lane::start(Arc::clone(&stage), slot)));
    let workers = workers.await;
    let producers = (0..settings.scenario.send_timeouts.len()).map(|slot| producer::Lane::start(&stage, slot));
    let producers = join_all(producers).await;

    let planned = plan(&settings.scenario, settings.seed, settings.length);
    let of = |party: Party| planned.iter().filter(|planned| planned.party == party).copied().collect::<Vec<Planned>>();
    let end = stage.began + settings.length;
    let workers = workers.into_iter().enumerate().map(|(slot, lane)| lane.run(of(Party::Worker(slot)), end));
    let producers =
        producers.into_iter().enumerate().map(|(slot, lane)| lane.run(Arc::clone(&stage), of(Party::Producer(slot))));
    let (workers, producers, ()) = tokio::join!(
        join_all(workers.map(tokio::spawn)),
        join_all(producers.map(tokio::spawn)),
        redis.make(&stage, of(Party::Redis)),
    );
    tokio::time::sleep_until(end).await;
    let calm_from = stage.now();
    join_all(producers.into_iter().map(|lane| lane.unwrap().stop())).await;
    drain(&client, settings).await;
    join_all(workers.into_iter().map(|lane| lane.unwrap().stop())).await;

    let stats = client.queue(QUEUE).unwrap().stats().await.expect("the server is there");
    let mut history = stage.history();
    history.calm_from = calm_from;
    history.refused = stats.counts.refused;
    history.left = [stats.ready, stats.scheduled, stats.active, stats.workers];
    history.keys = redis.keys().await;
    client.close().await;
    redis.stop().await;
    collect(history, settings).await
}

/// Waits until the queue is empty and the workers that were killed are forgotten, but not for ever.
async fn drain(client: &Client, settings: &Settings) {
    let until = Instant::now() + settings.scenario.drain;
    let live = u64::try_from(settings.scenario.workers).unwrap_or(u64::MAX);
    while Instant::now() < until {
        if let Ok(stats) = client.queue(QUEUE).unwrap().stats().await
            && stats.ready + stats.scheduled + stats.active == 0
            && stats.workers <= live
        {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Reads all notes into the history.
async fn collect(mut history: History, settings: &Settings) -> History {
    let folder = settings.folder.clone();
    let producers = settings.scenario.send_timeouts.len();
    let reading = tokio::task::spawn_blocking(move || {
        for slot in 0..producers {
            let number = u16::try_from(slot).expect("few producers");
            history
                .read_producer(&folder.join(format!("producer-{slot}.notes")), number)
                .expect("producers have noted");
        }
        for process in 0..history.processes.len() {
            let path = folder.join(format!("worker-{process}.notes"));
            let number = u16::try_from(process).expect("few processes");
            // One that was killed before it began has none.
            if path.exists() {
                history.read_worker(&path, number).expect("notes can be read");
            }
        }
        Replay::new(&mut history).play(&folder.join("redis")).expect("the log of Redis can be read");
        history.sort();
        history
    });
    reading.await.expect("reading does not fail")
}
