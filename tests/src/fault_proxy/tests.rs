//! Each fault once, against a real server, seen from a bare connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Aim, FaultProxy, Refusal, Rewrites};
use crate::redis_server::RedisServer;

/// Long enough that what does not come within it does not come.
const NEVER: Duration = Duration::from_millis(200);

async fn proxy(server: &RedisServer) -> FaultProxy {
    FaultProxy::start(([127, 0, 0, 1], server.port()).into(), Rewrites::default()).await.unwrap()
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect(proxy.address).await.unwrap()
}

async fn send(stream: &mut TcpStream, words: &[&str]) {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// Reads as many bytes as `wanted` has, and compares.
async fn expect(stream: &mut TcpStream, wanted: &str) {
    let mut reply = vec![0; wanted.len()];
    stream.read_exact(&mut reply).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&reply), wanted);
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let end: io::Result<usize> = stream.read(&mut [0; 8]).await;
    end.map_or(true, |read| read == 0)
}

#[tokio::test]
async fn replies_keep_the_order_of_their_requests() {
    let server = RedisServer::start();
    let proxy = proxy(&server).await;
    let mut stream = connect(&proxy).await;
    proxy.refuse(Aim::Scripts, Refusal::OutOfMemory, 1);
    send(&mut stream, &["ECHO", "one"]).await;
    send(&mut stream, &["EVAL", "return 7", "0"]).await;
    send(&mut stream, &["EVAL", "return 8", "0"]).await;
    expect(&mut stream, "$3\r\none\r\n-OOM command not allowed when used memory > 'maxmemory'.\r\n:8\r\n").await;
    assert_eq!(proxy.accepted(), 1);
}

#[tokio::test]
async fn a_refused_call_never_reaches_the_server() {
    let server = RedisServer::start();
    let proxy = proxy(&server).await;
    let mut stream = connect(&proxy).await;
    for refusal in [Refusal::ReadOnly, Refusal::Loading, Refusal::OutOfMemory] {
        proxy.refuse(Aim::Any, refusal, 1);
        send(&mut stream, &["INCR", "calls"]).await;
        expect(&mut stream, refusal.reply()).await;
    }
    // Only a call by hash can be told so.
    proxy.refuse(Aim::Scripts, Refusal::NoScript, 1);
    send(&mut stream, &["INCR", "calls"]).await;
    expect(&mut stream, ":1\r\n").await;
    send(&mut stream, &["EVALSHA", "0000000000000000000000000000000000000000", "0"]).await;
    expect(&mut stream, Refusal::NoScript.reply()).await;
}

#[tokio::test]
async fn a_dropped_reply_comes_after_the_effect() {
    let server = RedisServer::start();
    let proxy = proxy(&server).await;
    let mut stream = connect(&proxy).await;
    proxy.drop_replies(Aim::Any, 1);
    send(&mut stream, &["INCR", "calls"]).await;
    assert!(is_closed(&mut stream).await);
    let mut stream = connect(&proxy).await;
    send(&mut stream, &["INCR", "calls"]).await;
    expect(&mut stream, ":2\r\n").await;
}

#[tokio::test]
async fn a_cut_closes_what_there_is_and_serves_what_comes() {
    let server = RedisServer::start();
    let proxy = proxy(&server).await;
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    for stream in [&mut one, &mut other] {
        send(stream, &["PING"]).await;
        expect(stream, "+PONG\r\n").await;
    }
    proxy.cut();
    assert!(is_closed(&mut one).await && is_closed(&mut other).await);
    let mut next = connect(&proxy).await;
    send(&mut next, &["PING"]).await;
    expect(&mut next, "+PONG\r\n").await;
}

#[tokio::test]
async fn a_stall_holds_everything_back_and_loses_nothing() {
    let server = RedisServer::start();
    let proxy = proxy(&server).await;
    let mut stream = connect(&proxy).await;
    proxy.stall();
    send(&mut stream, &["PING"]).await;
    assert!(timeout(NEVER, stream.read_u8()).await.is_err());
    proxy.go_on();
    expect(&mut stream, "+PONG\r\n").await;
}

#[tokio::test]
async fn a_delay_holds_each_chunk_up() {
    let server = RedisServer::start();
    let proxy = proxy(&server).await;
    let mut stream = connect(&proxy).await;
    proxy.delay(NEVER);
    send(&mut stream, &["PING"]).await;
    assert!(timeout(NEVER / 2, stream.read_u8()).await.is_err());
    expect(&mut stream, "+PONG\r\n").await;
}

#[tokio::test]
async fn a_half_open_connection_stays_silent_and_the_next_one_works() {
    let server = RedisServer::start();
    let proxy = proxy(&server).await;
    let mut dead = connect(&proxy).await;
    send(&mut dead, &["PING"]).await;
    expect(&mut dead, "+PONG\r\n").await;
    proxy.half_open();
    send(&mut dead, &["INCR", "calls"]).await;
    assert!(timeout(NEVER, dead.read_u8()).await.is_err());
    let mut next = connect(&proxy).await;
    send(&mut next, &["INCR", "calls"]).await;
    expect(&mut next, ":1\r\n").await;
}

#[tokio::test]
async fn a_server_that_goes_away_is_seen_on_an_idle_connection() {
    let mut server = RedisServer::start();
    let proxy = proxy(&server).await;
    let mut stream = connect(&proxy).await;
    send(&mut stream, &["PING"]).await;
    expect(&mut stream, "+PONG\r\n").await;
    server.stop();
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn scripts_are_put_in_the_place_of_others() {
    let server = RedisServer::start();
    let mut direct = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    send(&mut direct, &["SCRIPT", "LOAD", "return 2"]).await;
    // The hash of `return 2`.
    expect(&mut direct, "$40\r\n7f923f79fe76194c868d7e1d0820de36700eb649\r\n").await;
    let mut rewrites = Rewrites::default();
    rewrites.add(("aa", "return 1"), ("7f923f79fe76194c868d7e1d0820de36700eb649", "return 2"));
    let proxy = FaultProxy::start(([127, 0, 0, 1], server.port()).into(), rewrites).await.unwrap();
    let mut stream = connect(&proxy).await;
    send(&mut stream, &["EVALSHA", "aa", "0"]).await;
    send(&mut stream, &["EVAL", "return 1", "0"]).await;
    send(&mut stream, &["EVAL", "return 3", "0"]).await;
    expect(&mut stream, ":2\r\n:2\r\n:3\r\n").await;
}
