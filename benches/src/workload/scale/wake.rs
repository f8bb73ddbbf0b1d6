//! A crowd that idles is sent one, ten and a hundred messages at once: how many workers that wakes, and how long it takes.
//!
//! A message wakes one worker; a worker that leaves messages behind wakes the next.

use std::time::{Duration, Instant};

use ltq::{BoxError, Client};

use super::counted;
use super::crowd::Crowd;
use crate::bench::Bench;
use crate::figure::Figure;
use crate::job::Subject;
use crate::messages::{SMALL, padding, queue};
use crate::numbers::{from_len, median};
use crate::record::Place;
use crate::tasks::noop;
use crate::tokens::Tokens;
use crate::workload::progress::done;

const BURSTS: [usize; 3] = [1, 10, 100];
/// How long everybody has until all are idle again.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the driver asks whether the messages are done: often, since their time is the figure.
const POLL: Duration = Duration::from_micros(200);
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(bench: &mut Bench, crowd: &mut Crowd, workers: usize) -> Result<(), BoxError> {
    let sender = Client::connect(&crowd.server.url()).await?;
    // The first send has the queue listed and the script known.
    sender.send(noop.message(padding(SMALL))).await?;
    let tokens = Tokens::watch(&crowd.server, &queue(0))?;
    for burst in BURSTS {
        let (mut woken, mut elapsed) = (Vec::new(), Vec::new());
        for _ in 0..bench.settings.bursts() {
            tokio::time::sleep(PAUSE).await;
            let taken = tokens.taken();
            let took = until_all_done(crowd, &sender, burst).await?;
            elapsed.push(1e6 * took.as_secs_f64());
            // Whoever was woken too late to find anything has looked by then.
            tokio::time::sleep(PAUSE).await;
            woken.push(from_len(tokens.taken() - taken));
        }
        let case = format!("{}, {} at once", counted(workers, "idle worker"), counted(burst, "message"));
        let place = Place { workload: "many workers: woken", case: &case, subject: Subject::Ltq.name() };
        for (figure, values) in [(Figure::WakeUps, woken), (Figure::UntilDone, elapsed)] {
            bench.record.add(place, figure, median(&values).ok_or("no message was sent")?);
        }
    }
    sender.close().await;
    Ok(())
}

/// From the moment before the send until the server has counted the last message as done.
async fn until_all_done(crowd: &Crowd, sender: &Client, burst: usize) -> Result<Duration, BoxError> {
    let messages: Vec<_> = (0..burst).map(|_| noop.message(padding(SMALL))).collect();
    let target = done(&crowd.client, &queue(0)).await? + burst;
    let started = Instant::now();
    sender.send_bulk(messages).await?;
    while done(&crowd.client, &queue(0)).await? < target {
        if started.elapsed() > PATIENCE {
            return Err(format!("{burst} messages to idle workers are not done after {PATIENCE:?}").into());
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(started.elapsed())
}
