//! [`FaultProxy`]: stands between one program and a Redis server, and does to its connections what networks do.
//!
//! It understands requests and replies, so a fault can be aimed at one call: an answer that the server never gave, or a
//! reply that is lost after the server has acted. One proxy per program makes every fault attributable.

mod connection;
pub mod resp;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the proxy answers in place of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The script is not known. Only calls by hash get it.
    NoScript,
    /// The server is a replica.
    ReadOnly,
    /// The server is still reading its data.
    Loading,
    /// The server's memory is full.
    OutOfMemory,
}

impl Refusal {
    /// The reply as it travels.
    #[must_use]
    pub fn reply(self) -> &'static str {
        match self {
            Self::NoScript => "-NOSCRIPT No matching script. Please use EVAL.\r\n",
            Self::ReadOnly => "-READONLY You can't write against a read only replica.\r\n",
            Self::Loading => "-LOADING Redis is loading the dataset in memory\r\n",
            Self::OutOfMemory => "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        }
    }
}

/// Which calls a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Calls of scripts, by hash or by source.
    Scripts,
    /// Every call.
    Any,
}

/// Scripts put in the place of others: their hashes and their sources.
#[derive(Debug, Clone, Default)]
pub struct Rewrites {
    hashes: HashMap<Bytes, Bytes>,
    sources: HashMap<Bytes, Bytes>,
}

impl Rewrites {
    /// Puts one script in the place of another.
    pub fn add(&mut self, from: (&str, &str), to: (&str, &str)) {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        self.hashes.insert(bytes(from.0), bytes(to.0));
        self.sources.insert(bytes(from.1), bytes(to.1));
    }
}

/// One fault that waits for its call.
#[derive(Debug, Clone, Copy)]
enum Order {
    Refuse(Refusal),
    DropReply,
}

/// A running proxy. Dropping it closes every connection.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What the connections look at.
#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    /// Changes when all connections are to close.
    cut: watch::Sender<()>,
    gate: watch::Sender<Gate>,
    accepted: AtomicU64,
    orders: Mutex<Vec<(Aim, Order)>>,
    rewrites: Rewrites,
}

/// What may pass.
#[derive(Debug, Clone, Copy, Default)]
struct Gate {
    stalled: bool,
    /// Connections with smaller numbers are open and dead.
    half_open_below: u64,
    delay: Duration,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1 for connections to `server`.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub async fn start(server: SocketAddr, rewrites: Rewrites) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            cut: watch::Sender::new(()),
            gate: watch::Sender::new(Gate::default()),
            accepted: AtomicU64::new(0),
            orders: Mutex::default(),
            rewrites,
        });
        let accepting = tokio::spawn(connection::accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// The address for the program.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// How many connections it has accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Closes all connections; new ones are served.
    pub fn cut(&self) {
        self.shared.cut.send_replace(());
    }

    /// Lets nothing pass in either direction, until [`go_on`](Self::go_on). What is on its way waits.
    pub fn stall(&self) {
        self.shared.gate.send_modify(|gate| gate.stalled = true);
    }

    /// Ends a stall and a delay.
    pub fn go_on(&self) {
        self.shared.gate.send_modify(|gate| (gate.stalled, gate.delay) = (false, Duration::ZERO));
    }

    /// Holds each chunk up for so long, until [`go_on`](Self::go_on).
    pub fn delay(&self, delay: Duration) {
        self.shared.gate.send_modify(|gate| gate.delay = delay);
    }

    /// Lets nothing pass on the connections there are, for good, but closes none, on neither side: the peer's machine is
    /// gone. New connections are served.
    pub fn half_open(&self) {
        let next = self.accepted();
        self.shared.gate.send_modify(|gate| gate.half_open_below = next);
    }

    /// Answers the next `calls` calls without handing them on.
    pub fn refuse(&self, aim: Aim, refusal: Refusal, calls: usize) {
        self.order(aim, Order::Refuse(refusal), calls);
    }

    /// Hands the next `calls` calls on, and closes their connection in place of the reply.
    pub fn drop_replies(&self, aim: Aim, calls: usize) {
        self.order(aim, Order::DropReply, calls);
    }

    /// Forgets faults whose call has not come.
    pub fn forget_orders(&self) {
        self.shared.orders().clear();
    }

    fn order(&self, aim: Aim, order: Order, calls: usize) {
        let mut orders = self.shared.orders();
        let length = orders.len() + calls;
        orders.resize(length, (aim, order));
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Shared {
    fn orders(&self) -> MutexGuard<'_, Vec<(Aim, Order)>> {
        // Every change is one step, so the list is whole whatever happened to its last user.
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this connection may pass something on.
    async fn pass(&self, connection: u64) {
        let mut gate = self.gate.subscribe();
        // The sender lives as long as `self`.
        let open = gate.wait_for(|gate| !gate.stalled && gate.half_open_below <= connection).await;
        let delay = open.map_or(Duration::ZERO, |gate| gate.delay);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}
