//! One connection through the proxy: requests one way, and the replies, or what stands in for them, in order the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::resp::{frame_length, with_second_word, words};
use super::{Aim, Order, Refusal, Shared};

/// How much room a read has at least.
const CHUNK: usize = 64 * 1024;

/// What the program is to get next.
enum Expected {
    /// The server's reply.
    Reply,
    /// The end of the connection, once the server has replied.
    Cut,
    /// This, in place of a reply.
    Answer(&'static str),
}

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((program, _)) = listener.accept().await {
        let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(run(program, number, Arc::clone(&shared)));
    }
}

/// Serves one connection until either side closes it or it is cut. Whatever happens shows as a closed connection.
async fn run(program: TcpStream, number: u64, shared: Arc<Shared>) {
    let mut cut = shared.cut.subscribe();
    let served = async {
        let Ok(server) = TcpStream::connect(shared.server).await else { return };
        let _ = (program.set_nodelay(true), server.set_nodelay(true));
        let (from_program, to_program) = program.into_split();
        let (from_server, to_server) = server.into_split();
        let (expect, expected) = mpsc::unbounded_channel();
        tokio::select! {
            _ = requests(from_program, to_server, expect, number, &shared) => {}
            _ = replies(from_server, to_program, expected, number, &shared) => {}
        }
    };
    tokio::select! {
        () = served => {}
        _ = cut.changed() => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    expect: mpsc::UnboundedSender<Expected>,
    number: u64,
    shared: &Shared,
) -> Option<()> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(CHUNK);
        let read = from.read_buf(&mut buffer).await.ok()?;
        // Also holds back the end of a dead connection, which no peer would see.
        shared.pass(number).await;
        if read == 0 {
            return None;
        }
        let mut forward = Vec::new();
        while let Some(length) = frame_length(&buffer).ok()? {
            let request = buffer.split_to(length).freeze();
            let (expected, request) = shared.decide(request);
            forward.extend(request);
            expect.send(expected).ok()?;
        }
        for request in forward {
            to.write_all(&request).await.ok()?;
        }
    }
}

async fn replies(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut expected: mpsc::UnboundedReceiver<Expected>,
    number: u64,
    shared: &Shared,
) -> Option<()> {
    let mut buffer = BytesMut::new();
    loop {
        // The server may close a connection on which nothing is asked.
        let next = tokio::select! {
            biased;
            next = expected.recv() => next?,
            read = from.read_buf(&mut buffer) => match read {
                Ok(read) if read > 0 => continue,
                _ => {
                    shared.pass(number).await;
                    return None;
                }
            },
        };
        let reply = match next {
            Expected::Answer(reply) => Bytes::from_static(reply.as_bytes()),
            Expected::Reply | Expected::Cut => loop {
                if let Some(length) = frame_length(&buffer).ok()? {
                    break buffer.split_to(length).freeze();
                }
                buffer.reserve(CHUNK);
                let read = from.read_buf(&mut buffer).await.ok()?;
                if read == 0 {
                    shared.pass(number).await;
                    return None;
                }
            },
        };
        shared.pass(number).await;
        if matches!(next, Expected::Cut) {
            return None;
        }
        to.write_all(&reply).await.ok()?;
    }
}

impl Shared {
    /// What the program is to get for a request, and what the server is to get.
    fn decide(&self, request: Bytes) -> (Expected, Option<Bytes>) {
        let mut orders = self.orders();
        if orders.is_empty() && self.rewrites.hashes.is_empty() {
            return (Expected::Reply, Some(request));
        }
        let words = words(&request, 2);
        let word = |index: usize| words.get(index).map_or(&[][..], |place| &request[place.clone()]);
        let by_hash = word(0).eq_ignore_ascii_case(b"EVALSHA");
        let by_source = word(0).eq_ignore_ascii_case(b"EVAL");
        let fits = |(aim, order): &(Aim, Order)| match (aim, order) {
            (_, Order::Refuse(Refusal::NoScript)) => by_hash,
            (Aim::Scripts, _) => by_hash || by_source,
            (Aim::Any, _) => true,
        };
        let order = orders.iter().position(fits).map(|index| orders.remove(index).1);
        drop(orders);
        let expected = match order {
            Some(Order::Refuse(refusal)) => return (Expected::Answer(refusal.reply()), None),
            Some(Order::DropReply) => Expected::Cut,
            None => Expected::Reply,
        };
        let rewrite = match (by_hash, by_source) {
            (true, _) => self.rewrites.hashes.get(word(1)),
            (_, true) => self.rewrites.sources.get(word(1)),
            _ => None,
        };
        let request = rewrite.map_or_else(|| request.clone(), |word| with_second_word(&request, word).into());
        (expected, Some(request))
    }
}
