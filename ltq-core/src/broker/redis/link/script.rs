//! [`Script`]: one Lua script on the server. The only place that knows about script caches and the shape of replies.
//!
//! A script is called by its hash. A server that does not know the hash (restarted, failed over, flushed) says so without
//! having run anything, and gets the source with the same arguments, which also makes it remember.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::LuaInterface;
use fred::types::Value as Answer;
use fred::util::redis_keyslot;

use super::connect::Connection;
use super::request::Request;
use super::value::Value;
use crate::broker::BrokerError;

/// What a key holds, as the server calls it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    String,
    List,
    Hash,
    SortedSet,
}

/// One script. Every script is safe to run twice with the same arguments, so that a call can be repeated after a lost reply.
///
/// It is joined from parts when it is first called. Before them stand the names of its keys and arguments, so that no part
/// counts positions: they come from the same table ([`table!`]) as what its caller fills in.
#[derive(Debug)]
pub(crate) struct Script {
    /// What errors call it.
    pub(crate) call: &'static str,
    keys: &'static [(&'static str, Kind)],
    args: &'static [&'static str],
    parts: &'static [(&'static str, &'static str)],
    source: OnceLock<Source>,
    #[cfg(feature = "testing")]
    test_source: OnceLock<Source>,
}

/// The text of a script and the hash it is called by.
#[derive(Debug)]
struct Source {
    text: String,
    hash: String,
}

impl Source {
    fn new(text: String) -> Self {
        Self { hash: fred::util::sha1_hash(&text), text }
    }
}

/// Makes the table of a script: its keys by name and type, and its arguments by name. Both become structs whose fields the
/// caller fills in, and which hand the names to [`Script::new`].
macro_rules! table {
    (
        keys $keys:ident { $($key:ident: $kind:ident),* $(,)? }
        args $args:ident { $($arg:ident),* $(,)? }
    ) => {
        struct $keys {
            $($key: String,)*
        }

        impl $keys {
            const TABLE: &[(&str, $crate::broker::redis::link::script::Kind)] =
                &[$((stringify!($key), $crate::broker::redis::link::script::Kind::$kind)),*];

            /// In the order of the table, and then `more`.
            fn and(self, more: impl IntoIterator<Item = String>) -> Vec<String> {
                let mut keys = vec![$(self.$key),*];
                keys.extend(more);
                keys
            }
        }

        struct $args {
            $($arg: $crate::broker::redis::link::value::Value,)*
        }

        impl $args {
            const NAMES: &[&str] = &[$(stringify!($arg)),*];

            /// In the order of the table, and then `more`.
            fn and(self, more: Vec<$crate::broker::redis::link::value::Value>) -> Vec<$crate::broker::redis::link::value::Value> {
                let named = [$(self.$arg),*];
                let mut args = Vec::with_capacity(named.len() + more.len());
                args.extend(named);
                args.extend(more);
                args
            }
        }
    };
}

/// The parts of a script, by the names of their files under `lua`.
macro_rules! parts {
    ($($part:literal),* $(,)?) => {
        &[$(($part, include_str!(concat!("../lua/", $part, ".lua")))),*]
    };
}
pub(crate) use {parts, table};

impl Script {
    pub(crate) const fn new(
        call: &'static str,
        keys: &'static [(&'static str, Kind)],
        args: &'static [&'static str],
        parts: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self {
            call,
            keys,
            args,
            parts,
            source: OnceLock::new(),
            #[cfg(feature = "testing")]
            test_source: OnceLock::new(),
        }
    }

    /// What it is called, and the whole text as the server runs it.
    pub(crate) fn text(&self) -> (&'static str, &str) {
        (self.call, &self.source().text)
    }

    fn source(&self) -> &Source {
        self.source.get_or_init(|| Source::new(self.join("", self.parts.iter().copied())))
    }

    /// With a clock that the caller sets, and a call that is refused.
    #[cfg(feature = "testing")]
    fn test_source(&self) -> &Source {
        self.test_source.get_or_init(|| {
            const CLOCK: (&str, &str) = ("shared/test_clock", include_str!("../lua/shared/test_clock.lua"));
            let parts = self.parts.iter().copied().filter(|(name, _)| *name != "shared/clock");
            Source::new(self.join(include_str!("../lua/shared/test_refusal.lua"), [CLOCK].into_iter().chain(parts)))
        })
    }

    /// Joins a script. What stands first may take arguments away from the end, so the names come after it; the clock of a test
    /// does so too.
    fn join(&self, first: &str, parts: impl Iterator<Item = (&'static str, &'static str)>) -> String {
        let mut parts = parts.peekable();
        let mut text = format!("-- {}\n{first}", self.call);
        if let Some((_, clock)) = parts.next_if(|(name, _)| name.ends_with("clock")) {
            text.push_str(clock);
        }
        text.push_str(&self.names());
        for (name, part) in parts {
            // Writing into a `String` cannot fail.
            let _ = write!(text, "\n-- part {name}\n{part}");
        }
        text
    }

    /// The lines that give keys and arguments their names.
    fn names(&self) -> String {
        let mut text = String::new();
        let keys: Vec<_> = self.keys.iter().map(|(name, _)| *name).collect();
        let _ = writeln!(text, "local {} = unpack(KEYS)", keys.join(", "));
        if !self.args.is_empty() {
            let _ = writeln!(text, "local {} = unpack(ARGV, 1, {})", self.args.join(", "), self.args.len());
        }
        // The first key and argument that have no name.
        let _ = writeln!(text, "local FIRST_KEY, FIRST_ARG = {}, {}", self.keys.len() + 1, self.args.len() + 1);
        if self.parts.iter().any(|(name, _)| *name == "shared/types") {
            let types: Vec<_> = self.keys.iter().map(|(name, kind)| format!("{name}={}", kind.as_str())).collect();
            let _ = writeln!(text, "local KEY_TYPES = '{}'", types.join(" "));
        }
        text
    }

    /// Runs the script.
    pub(crate) async fn run(
        &self,
        connection: &Connection,
        keys: Vec<String>,
        args: Vec<Value>,
    ) -> Result<Answer, BrokerError> {
        #[cfg(not(feature = "testing"))]
        let (source, of_test) = (self.source(), Vec::new());
        #[cfg(feature = "testing")]
        let (source, of_test) = match connection.test_clock() {
            Some(clock) => (self.test_source(), clock.arguments(self.call).to_vec()),
            None => (self.source(), Vec::new()),
        };
        let forgotten = connection.forgotten();
        connection.call(&ScriptCall { call: self.call, source, keys, args, of_test, forgotten }).await
    }

    /// Starts reading a reply that is a list of `length` elements.
    pub(crate) fn read<'a>(
        &self,
        connection: &'a Connection,
        reply: Answer,
        length: usize,
    ) -> Result<Reply<'a>, BrokerError> {
        let reply = Reply::new(connection, self.call, reply)?;
        if reply.elements.len() == length {
            Ok(reply)
        } else {
            Err(reply.odd(&format!("{} elements instead of {length}", reply.elements.len())))
        }
    }

    /// Starts reading a reply that is a list of any length.
    pub(crate) fn list<'a>(&self, connection: &'a Connection, reply: Answer) -> Result<Reply<'a>, BrokerError> {
        Reply::new(connection, self.call, reply)
    }

    /// Reads a reply that is a single number.
    pub(crate) fn number(&self, connection: &Connection, reply: &Answer) -> Result<i64, BrokerError> {
        reply.as_i64().ok_or_else(|| connection.odd_answer(self.call, "not a number"))
    }
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Hash => "hash",
            Self::SortedSet => "zset",
        }
    }
}

/// A script with its keys and arguments.
struct ScriptCall<'a> {
    call: &'static str,
    source: &'a Source,
    keys: Vec<String>,
    args: Vec<Value>,
    /// What a test adds.
    of_test: Vec<Value>,
    /// Where it is counted that the server did not know the script.
    forgotten: &'a AtomicU64,
}

impl Request for ScriptCall<'_> {
    fn call(&self) -> &'static str {
        self.call
    }

    /// All keys have the same.
    fn slot(&self) -> u16 {
        self.keys.first().map_or(0, |key| redis_keyslot(key.as_bytes()))
    }

    async fn send(&self, client: &Client) -> Result<Answer, Error> {
        let args = || self.args.iter().chain(&self.of_test).map(Value::to_client).collect::<Vec<_>>();
        match client.evalsha(self.source.hash.as_str(), self.keys.clone(), args()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                self.forgotten.fetch_add(1, Ordering::Relaxed);
                client.eval(self.source.text.as_str(), self.keys.clone(), args()).await
            }
            reply => reply,
        }
    }
}

/// A list in a reply, read from front to back. Whatever is not as expected is an error, never a default.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    connection: &'a Connection,
    call: &'static str,
    elements: std::vec::IntoIter<Answer>,
}

impl<'a> Reply<'a> {
    fn new(connection: &'a Connection, call: &'static str, value: Answer) -> Result<Self, BrokerError> {
        match value {
            Answer::Array(elements) => Ok(Self { connection, call, elements: elements.into_iter() }),
            _ => Err(connection.odd_answer(call, "not a list")),
        }
    }

    /// A reply to a command: a list, or a single value, which is read as a list of one.
    pub(super) fn of(connection: &'a Connection, call: &'static str, value: Answer) -> Self {
        let elements = match value {
            Answer::Array(elements) => elements,
            one => vec![one],
        };
        Self { connection, call, elements: elements.into_iter() }
    }

    /// How many elements are left.
    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The next element, a whole number.
    pub(crate) fn int(&mut self) -> Result<i64, BrokerError> {
        match self.elements.next() {
            Some(Answer::Integer(number)) => Ok(number),
            Some(value) => value.as_i64().ok_or_else(|| self.odd("not a number")),
            None => Err(self.odd("too short")),
        }
    }

    /// The next element, a number that is never negative.
    pub(crate) fn count(&mut self) -> Result<u64, BrokerError> {
        let number = self.int()?;
        u64::try_from(number).map_err(|_| self.odd("a negative count"))
    }

    /// The next element, bytes.
    pub(crate) fn bytes(&mut self) -> Result<Bytes, BrokerError> {
        match self.elements.next() {
            Some(Answer::Bytes(bytes)) => Ok(bytes),
            Some(Answer::String(text)) => Ok(text.into_inner()),
            _ => Err(self.odd("bytes were expected")),
        }
    }

    /// All elements that are left, bytes each.
    pub(crate) fn all_bytes(mut self) -> Result<Vec<Bytes>, BrokerError> {
        (0..self.len()).map(|_| self.bytes()).collect()
    }

    /// The next element, bytes or nothing.
    pub(crate) fn maybe_bytes(&mut self) -> Result<Option<Bytes>, BrokerError> {
        if matches!(self.elements.as_slice(), [Answer::Null, ..]) {
            self.elements.next();
            return Ok(None);
        }
        self.bytes().map(Some)
    }

    /// The next element, text.
    pub(crate) fn text(&mut self) -> Result<String, BrokerError> {
        String::from_utf8(self.bytes()?.into()).map_err(|_| self.odd("text was expected"))
    }

    /// The next element, a list.
    pub(crate) fn list(&mut self) -> Result<Self, BrokerError> {
        let value = self.elements.next().unwrap_or(Answer::Null);
        Reply::new(self.connection, self.call, value)
    }

    /// An error about this reply.
    pub(crate) fn odd(&self, reason: &str) -> BrokerError {
        self.connection.odd_answer(self.call, reason)
    }
}
