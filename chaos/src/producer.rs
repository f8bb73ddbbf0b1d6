//! The program that sends: at a steady rate, which it catches up after an outage, until SIGTERM.
//!
//! Before a send it notes what it is about to send, afterwards what it was told. A message with an intent and no answer
//! is one whose producer could not know, which the checker treats like an error.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use fastrand::Rng;
use ltq::{Client, Message, MessageId, SendError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::notes::{Note, Notes};
use crate::tasks::{Course, work};

/// How many sends may be under way.
const UNDER_WAY: u32 = 64;
/// How much of the rate is caught up after an outage.
const CATCH_UP: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(10);

#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[arg(long)]
    url: String,
    #[arg(long)]
    notes: PathBuf,
    #[arg(long)]
    seed: u64,
    /// Messages per second.
    #[arg(long)]
    rate: u64,
    #[arg(long)]
    send_timeout_ms: u64,
    /// Most messages take a while, and many fail.
    #[arg(long)]
    hard: bool,
    /// All are sent in large bulks, and most take no time.
    #[arg(long)]
    bulks: bool,
}

/// The program.
///
/// # Panics
///
/// There is no broker to begin with, or notes cannot be written.
pub fn main() {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(run(args));
}

async fn run(args: Args) {
    let mut stop = signal(SignalKind::terminate()).unwrap();
    let notes = Arc::new(Notes::open(&args.notes).unwrap());
    let timeout = Duration::from_millis(args.send_timeout_ms);
    let client = Client::builder().send_timeout(timeout).connect(&args.url).await.unwrap();
    let under_way = Arc::new(Semaphore::new(UNDER_WAY as usize));
    let (mut rng, mut owed, mut last) = (Rng::with_seed(args.seed), 0.0, Instant::now());
    let rate = f64::from(u32::try_from(args.rate).unwrap());
    loop {
        tokio::select! {
            _ = stop.recv() => break,
            () = tokio::time::sleep(TICK) => {}
        }
        let now = Instant::now();
        owed = f64::min(owed + (now - last).as_secs_f64() * rate, CATCH_UP.as_secs_f64() * rate);
        last = now;
        while owed >= 1.0 {
            let Ok(permit) = Arc::clone(&under_way).try_acquire_owned() else { break };
            // The more is owed, the larger the bulks.
            let bulk = match rng.u8(..) {
                _ if args.bulks => rng.u32(200..1_000),
                0..32 => rng.u32(2..200),
                _ if owed > rate => rng.u32(2..200),
                _ => 1,
            };
            owed -= f64::from(bulk);
            let quick = if args.bulks { 980 } else { 700 };
            let messages: Vec<_> =
                (0..bulk).map(|_| if args.hard { hard(&mut rng) } else { message(&mut rng, quick) }).collect();
            let (client, notes) = (client.clone(), Arc::clone(&notes));
            tokio::spawn(async move {
                send(&client, &notes, messages).await;
                drop(permit);
            });
        }
    }
    // All sends have ended.
    let _ = under_way.acquire_many(UNDER_WAY).await;
}

/// A message of the mix: most succeed, some are delayed, slow, retried or rejected; of 1,000, `quick` take no time.
fn message(rng: &mut Rng, quick: u16) -> Message {
    let millis = match rng.u16(..1_000) {
        share if share < quick => 0,
        700..997 => rng.u64(1..=50),
        _ => rng.u64(1_000..=4_000),
    };
    let course = match rng.u16(..1_000) {
        0..955 => Course::Succeed,
        955..975 => Course::FailTwice,
        975..995 => Course::PutBackOnce,
        _ => Course::Reject,
    };
    let message = work.message(course, millis);
    if rng.u8(..20) == 0 { message.delay(Duration::from_millis(rng.u64(50..3_000))) } else { message }
}

/// A message that takes a while and fails as likely as not.
fn hard(rng: &mut Rng) -> Message {
    let course = match rng.u8(..10) {
        0..5 => Course::Succeed,
        5..7 => Course::FailTwice,
        7..9 => Course::PutBackOnce,
        _ => Course::Reject,
    };
    work.message(course, rng.u64(..600))
}

async fn send(client: &Client, notes: &Notes, messages: Vec<Message>) {
    let ids: Vec<MessageId> = messages.iter().map(Message::id).collect();
    notes.write(&ids, &Note::Send);
    let result = match <[Message; 1]>::try_from(messages) {
        Ok([message]) => client.send(message).await.map(|id| vec![id]),
        Err(messages) => client.send_bulk(messages).await,
    };
    let (accepted, error) = match result {
        Ok(ids) => (ids, None),
        Err(SendError::Partial { accepted, source }) => (accepted, Some(kind(&source))),
        Err(error) => (Vec::new(), Some(kind(&error))),
    };
    notes.write(&accepted, &Note::Accepted);
    if let Some(kind) = error {
        let accepted: std::collections::HashSet<_> = accepted.into_iter().collect();
        let failed: Vec<_> = ids.into_iter().filter(|id| !accepted.contains(id)).collect();
        notes.write(&failed, &Note::Failed(kind));
    }
}

/// The name of the innermost variant, such as `Timeout`.
fn kind(error: &SendError) -> String {
    let text = match error {
        SendError::Broker(error) => format!("{error:?}"),
        error => format!("{error:?}"),
    };
    text.chars().take_while(|char| char.is_alphanumeric()).collect()
}
