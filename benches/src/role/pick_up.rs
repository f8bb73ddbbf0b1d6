//! Pick-up under open load: messages are due on a fixed schedule whatever happens to those before, and a message's latency
//! counts from the moment it was due, so that a stall is charged to every message that it delays.
//!
//! The sender and the workers share a process, and thereby a clock. The sender has a thread of its own, which sleeps until
//! the next message is due; how late it woke is part of the latency, and is left out of the figures from the send.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use fred::interfaces::ClientLike as _;
use hdrhistogram::Histogram;
use ltq::{BoxError, Client};
use tokio::runtime::Handle;

use super::Stage;
use super::work::Running;
use crate::clock::{Latency, clock};
use crate::job::{Outcome, Workers};
use crate::numbers::from_count;
use crate::server::connect;
use crate::tasks::pick_up;
use crate::usage::Start;

/// The first messages warm up connections and scripts and are not counted.
const WARM_UP: u32 = 20;

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) per_second: u32,
    pub(super) lasting: Duration,
    /// How many pings come before; at low rates fewer, so that they take no longer than a second or two.
    pub(super) pings: u32,
}

pub(super) async fn run(url: &str, load: Load, workers: usize, stage: &mut Stage) -> Result<Outcome, BoxError> {
    let Load { per_second, lasting, pings } = load;
    let client = Client::connect(url).await?;
    let bare = connect(url).await?;
    let running = Running::start(&client, Workers { workers, ..Workers::default() }).await?;
    let sender = client.clone();
    let send = move |due_ns, sent_ns| {
        let sender = sender.clone();
        async move {
            sender.send(pick_up.message(due_ns, sent_ns)).await?;
            Ok(())
        }
    };
    let ping = move |due_ns, sent_ns| {
        let bare = bare.clone();
        async move {
            bare.ping::<()>(None).await?;
            clock().ran(due_ns, sent_ns);
            Ok(())
        }
    };
    on_schedule(per_second.min(200), WARM_UP, send.clone()).await?;
    clock().take(WARM_UP).await?;
    stage.wait_for_go().await?;

    let mut more = BTreeMap::new();
    let pings = pings.min(per_second.saturating_mul(2));
    on_schedule(per_second, pings, ping).await?;
    note(&mut more, "ping", &clock().take(pings).await?)?;

    let start = Start::now()?;
    let messages = u32::try_from(u128::from(per_second) * lasting.as_millis() / 1_000)?;
    on_schedule(per_second, messages, send).await?;
    let latencies = clock().take(messages).await?;
    let outcome = start.outcome()?;
    note(&mut more, "pick-up", &latencies)?;
    running.stop().await?;
    Ok(Outcome { more, ..outcome })
}

/// Starts `count` sends, each when it is due and without waiting for those before.
async fn on_schedule<F>(
    per_second: u32,
    count: u32,
    send: impl Fn(u64, u64) -> F + Send + 'static,
) -> Result<(), BoxError>
where
    F: Future<Output = Result<(), BoxError>> + Send + 'static,
{
    let runtime = Handle::current();
    let scheduled = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let began_ns = clock().now_ns();
        let mut sends = Vec::new();
        for number in 0..count {
            let due = Duration::from_secs(1) * number / per_second;
            if let Some(early) = due.checked_sub(began.elapsed()) {
                std::thread::sleep(early);
            }
            let due_ns = began_ns + u64::try_from(due.as_nanos()).unwrap_or(u64::MAX);
            sends.push(runtime.spawn(send(due_ns, clock().now_ns())));
        }
        sends
    });
    for send in scheduled.await? {
        send.await??;
    }
    Ok(())
}

/// Percentiles in microseconds, under the names the driver knows.
fn note(more: &mut BTreeMap<String, f64>, what: &str, latencies: &[Latency]) -> Result<(), BoxError> {
    let (mut from_due, mut from_send) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    for latency in latencies {
        from_due.record(latency.from_due_ns)?;
        from_send.record(latency.from_send_ns)?;
    }
    for (name, histogram) in [("due", from_due), ("send", from_send)] {
        let of = |quantile| from_count(histogram.value_at_quantile(quantile)) / 1_000.0;
        let percentiles = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];
        more.extend(
            percentiles.map(|(percentile, quantile)| (format!("{what} from {name} {percentile}"), of(quantile))),
        );
    }
    Ok(())
}
