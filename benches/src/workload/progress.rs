//! How far workers are, by the counts of done messages that they keep in Redis.
//!
//! A count is asked for every few milliseconds: that costs Redis nothing to speak of, and the end of a run is known well
//! enough. Nobody inside the workers has to count, so that a no-op stays one.

use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::HashesInterface as _;
use ltq::BoxError;

use crate::messages::{key, queue};

const POLL: Duration = Duration::from_millis(3);
/// How long nothing may happen before the run is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many messages of a queue are done.
pub(crate) async fn done(client: &Client, queue: &str) -> Result<usize, BoxError> {
    Ok(client.hget::<Option<usize>, _, _>(key(queue, "counts"), "done").await?.unwrap_or(0))
}

/// Returns when `per_queue` messages of each queue are done. Asks about one queue until that is done, so that it asks
/// seldom however many there are.
pub(crate) async fn until_done(client: &Client, queues: usize, per_queue: usize) -> Result<(), BoxError> {
    for queue in (0..queues).map(queue) {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let now = done(client, &queue).await?;
            if now >= per_queue {
                break;
            }
            if now > before {
                (before, since) = (now, Instant::now());
            } else if since.elapsed() > PATIENCE {
                return Err(format!("no progress on {queue} for {PATIENCE:?}: {now} of {per_queue} are done").into());
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}
