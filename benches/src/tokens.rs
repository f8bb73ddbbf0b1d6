//! [`Tokens`]: counts how often a worker was woken by a token.
//!
//! `INFO` cannot tell: where 1,000 workers wait, 200 waits a second end by themselves, and a woken worker waits anew just like
//! one whose time was up. Redis reports each token that is taken as an `lpop` of the list of tokens to whoever subscribes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ltq::BoxError;

use crate::messages::key;
use crate::server::Server;

/// A subscription. Dropping it ends it; the server goes on reporting to nobody.
#[derive(Debug)]
pub(crate) struct Tokens {
    connection: TcpStream,
    taken: Arc<AtomicUsize>,
}

impl Tokens {
    /// Counts from now on.
    pub(crate) fn watch(server: &Server, queue: &str) -> Result<Self, BoxError> {
        let mut connection = TcpStream::connect(("127.0.0.1", server.port()))?;
        let wake = key(queue, "wake");
        // Commands as typed by hand; the key has no character that would need quotes.
        write!(connection, "CONFIG SET notify-keyspace-events Kl\r\nSUBSCRIBE __keyspace@0__:{wake}\r\n")?;
        let mut lines = BufReader::new(connection.try_clone()?).lines();
        match lines.next() {
            Some(Ok(line)) if line == "+OK" => {}
            line => return Err(format!("the server does not report what happens to keys: {line:?}").into()),
        }
        // The last line of the answer to `SUBSCRIBE` is the number of subscriptions.
        if !lines.by_ref().map_while(Result::ok).any(|line| line == ":1") {
            return Err("the server has closed a subscription".into());
        }
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok).filter(|line| is_taken(line)) {
                drop(line);
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Self { connection, taken })
    }

    /// How many tokens were taken so far.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        // Ends the thread that reads; the server may be gone already.
        let _ = self.connection.shutdown(Shutdown::Both);
    }
}

/// Whether a line of the reports names the command that takes a token, and not the one that puts one there.
fn is_taken(line: &str) -> bool {
    line == "lpop"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_taken_counts() {
        let report = ["*3", "$7", "message", "$29", "__keyspace@0__:{ltq:bench}:wake", "$4", "lpop", "$5", "rpush"];
        assert_eq!(report.iter().filter(|line| is_taken(line)).count(), 1);
    }
}
