//! The measurements, each LTQ and ceiling in turn on a fresh server.

use std::time::{Duration, Instant};

use ltq::{BoxError, Client, Shutdown, Worker};
use ltq_tests::redis_server::RedisServer;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Args;
use crate::ceiling::{Ceiling, padding, payloads};
use crate::report::{Report, Unit};
use crate::tasks::{PINGED, noop, ping};

/// How many sends run at once in the measurement of single sends.
const SENDERS: usize = 64;

/// Putting many messages on a queue in one call.
pub(crate) async fn bulk_enqueue(args: &Args, report: &mut Report) -> Result<(), BoxError> {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await?;
    let text = padding();
    let started = Instant::now();
    client.send_bulk((0..args.messages).map(|_| noop.message(text.as_str()))).await?;
    let ltq = per_second(args.messages, started.elapsed());
    drop(server);

    let server = RedisServer::start();
    let ceiling = Ceiling::connect(&server.url()).await?;
    let payloads = payloads(args.messages)?;
    let started = Instant::now();
    ceiling.enqueue(&payloads).await?;
    report.add("bulk enqueue", Unit::PerSecond, ltq, per_second(args.messages, started.elapsed()));
    Ok(())
}

/// `send` from 64 places at once; the ceiling is one plain call per message, as many at once.
pub(crate) async fn single_sends(args: &Args, report: &mut Report) -> Result<(), BoxError> {
    let messages = args.messages / 4;
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await?;
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let client = client.clone();
        senders.spawn(async move {
            for _ in 0..messages / SENDERS {
                client.send(noop.message(padding())).await?;
            }
            Ok::<_, BoxError>(())
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    let ltq = per_second(messages, started.elapsed());
    drop(server);

    let server = RedisServer::start();
    let ceiling = std::sync::Arc::new(Ceiling::connect(&server.url()).await?);
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let ceiling = std::sync::Arc::clone(&ceiling);
        senders.spawn(async move {
            for _ in 0..messages / SENDERS {
                ceiling.ping().await?;
            }
            Ok::<_, BoxError>(())
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    report.add(
        "single sends, 64 at once (ceiling: PING)",
        Unit::PerSecond,
        ltq,
        per_second(messages, started.elapsed()),
    );
    Ok(())
}

/// Running no-ops until the queue is empty.
pub(crate) async fn drain(args: &Args, report: &mut Report) -> Result<(), BoxError> {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await?;
    let text = padding();
    client.send_bulk((0..args.messages).map(|_| noop.message(text.as_str()))).await?;
    let shutdown = Shutdown::new();
    let started = Instant::now();
    let worker = Worker::new("bench").concurrency(args.concurrency).run_until(client.clone(), shutdown.clone());
    let worker = tokio::spawn(worker);
    let expected = u64::try_from(args.messages)?;
    while client.stats("bench").await?.counts.done < expected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ltq = per_second(args.messages, started.elapsed());
    shutdown.request();
    worker.await??;
    drop(server);

    let server = RedisServer::start();
    let ceiling = Ceiling::connect(&server.url()).await?;
    ceiling.enqueue(&payloads(args.messages)?).await?;
    let started = Instant::now();
    ceiling.drain(args.messages).await?;
    report.add("drain of no-ops", Unit::PerSecond, ltq, per_second(args.messages, started.elapsed()));
    Ok(())
}

/// From the call of `send` to the first line of the task, on an idle worker; the ceiling is one PING.
pub(crate) async fn pick_up(args: &Args, report: &mut Report) -> Result<(), BoxError> {
    let server = RedisServer::start();
    let client = Client::connect(&server.url()).await?;
    let plain = Ceiling::connect(&server.url()).await?;
    let (sender, mut pinged) = mpsc::unbounded_channel();
    // The static outlives a run; the channel is kept in it and drained.
    if PINGED.set(sender).is_err() {
        return Ok(());
    }
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(Worker::new("latency").run_until(client.clone(), shutdown.clone()));
    let (mut latencies, mut pings) = (Vec::new(), Vec::new());
    for sample in 0..args.samples + 10 {
        let started = Instant::now();
        client.send(ping.message()).await?;
        let ran = pinged.recv().await.ok_or("the task is gone")?;
        // The first few warm up connections and script caches.
        if sample >= 10 {
            latencies.push(ran - started);
        }
        // Gives the worker time to be idle again.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let started = Instant::now();
        plain.ping().await?;
        if sample >= 10 {
            pings.push(started.elapsed());
        }
    }
    shutdown.request();
    worker.await??;
    for (name, share) in [("pick-up by an idle worker, p50", 0.5), ("pick-up by an idle worker, p99", 0.99)] {
        report.add(name, Unit::Microseconds, quantile(&mut latencies, share), quantile(&mut pings, share));
    }
    Ok(())
}

fn per_second(messages: usize, elapsed: Duration) -> f64 {
    as_f64(messages) / elapsed.as_secs_f64()
}

fn quantile(samples: &mut [Duration], share: f64) -> f64 {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index between zero and the last")]
    let index = (as_f64(last) * share).round() as usize;
    samples.get(index).map_or(f64::NAN, |sample| sample.as_secs_f64() * 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages are far below 2^52")]
fn as_f64(number: usize) -> f64 {
    number as f64
}
