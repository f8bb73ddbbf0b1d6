//! Many workers: what 1, 100 and 1,000 of them cost on one queue while they idle, while they work and when they are woken;
//! and queues spread over a cluster.
//!
//! Workers are light, with ten slots each, as where there are many of them. All measurements of a crowd are made of the same
//! processes, because a thousand workers take a while to start.

mod cluster;
mod crowd;
mod idle;
mod load;
mod wake;

use ltq::BoxError;

use self::crowd::Crowd;
use self::idle::Held;
use crate::bench::Bench;
use crate::figure::grouped;
use crate::numbers::from_len;

/// Slots of each worker of a crowd.
const CONCURRENCY: usize = 10;

pub(super) async fn run(bench: &mut Bench) -> Result<(), BoxError> {
    let mut one: Option<Held> = None;
    for workers in bench.settings.crowds() {
        let mut crowd = Crowd::start(workers, bench.settings.crowd_per_process()).await?;
        let case = case(workers, crowd.processes());
        let held = idle::run(bench, &mut crowd, &case).await?;
        match &one {
            Some(one) => held.note_per_worker(one, &mut bench.record, &case),
            None => one = Some(held),
        }
        load::backlog(bench, &mut crowd, &case).await?;
        load::paced(bench, &mut crowd, &case).await?;
        wake::run(bench, &mut crowd, workers).await?;
        crowd.stop().await?;
    }
    cluster::run(bench).await
}

fn case(workers: usize, processes: usize) -> String {
    format!("{} in {}", counted(workers, "worker"), counted(processes, "process"))
}

/// A number with its noun.
fn counted(count: usize, noun: &str) -> String {
    let plural = match noun {
        _ if count == 1 => "",
        noun if noun.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {noun}{plural}", grouped(from_len(count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_plain_words() {
        assert_eq!(case(1, 1), "1 worker in 1 process");
        assert_eq!(case(1_000, 4), "1,000 workers in 4 processes");
    }
}
