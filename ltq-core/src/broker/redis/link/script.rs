//! [`Script`]: one Lua script on the server. The only place that knows about script caches and the shape of replies.
//!
//! A script is called by its hash. A server that does not know the hash (restarted, failed over, flushed) says so without
//! having run anything, and gets the source with the same arguments, which also makes it remember.

use std::sync::LazyLock;

use bytes::Bytes;
use fred::error::Error;
use fred::interfaces::LuaInterface;
use fred::types::Value as Answer;

use super::connect::Connection;
use super::value::Value;
use crate::broker::BrokerError;
use crate::message::MessageId;

/// One script. Every script is safe to run twice with the same arguments, so that a call can be repeated after a lost reply.
#[derive(Debug)]
pub(crate) struct Script {
    /// What errors call it.
    pub(crate) call: &'static str,
    with_clock: Source,
    #[cfg(feature = "testing")]
    with_test_clock: Source,
}

/// The text of a script and the hash it is called by.
#[derive(Debug)]
pub(crate) struct Source {
    text: &'static str,
    hash: LazyLock<String>,
}

macro_rules! script {
    ($call:literal, $file:literal) => {
        $crate::broker::redis::link::script::Script::new(
            $call,
            $crate::broker::redis::link::script::source!("clock.lua", $file),
            #[cfg(feature = "testing")]
            $crate::broker::redis::link::script::source!("test_clock.lua", $file),
        )
    };
}
macro_rules! source {
    ($clock:literal, $file:literal) => {
        $crate::broker::redis::link::script::Source::new(
            concat!(
                include_str!(concat!("../lua/", $clock)),
                "\n",
                include_str!("../lua/prelude.lua"),
                "\n",
                include_str!(concat!("../lua/", $file))
            ),
            ::std::sync::LazyLock::new(|| {
                fred::util::sha1_hash(concat!(
                    include_str!(concat!("../lua/", $clock)),
                    "\n",
                    include_str!("../lua/prelude.lua"),
                    "\n",
                    include_str!(concat!("../lua/", $file))
                ))
            }),
        )
    };
}
pub(crate) use {script, source};

impl Source {
    pub(crate) const fn new(text: &'static str, hash: LazyLock<String>) -> Self {
        Self { text, hash }
    }
}

impl Script {
    pub(crate) const fn new(
        call: &'static str,
        with_clock: Source,
        #[cfg(feature = "testing")] with_test_clock: Source,
    ) -> Self {
        Self {
            call,
            with_clock,
            #[cfg(feature = "testing")]
            with_test_clock,
        }
    }

    /// Runs the script.
    pub(crate) async fn run(
        &self,
        connection: &Connection,
        keys: Vec<String>,
        args: Vec<Value>,
    ) -> Result<Answer, BrokerError> {
        connection.call(self.call, || self.run_once(connection, &keys, &args)).await
    }

    async fn run_once(&self, connection: &Connection, keys: &[String], args: &[Value]) -> Result<Answer, Error> {
        let client = connection.client();
        #[cfg(not(feature = "testing"))]
        let (source, clock) = (&self.with_clock, None::<Value>);
        #[cfg(feature = "testing")]
        let (source, clock) = match connection.test_clock() {
            Some(clock) => (&self.with_test_clock, Some(clock.argument())),
            None => (&self.with_clock, None),
        };
        let args = || args.iter().chain(&clock).map(Value::to_client).collect::<Vec<_>>();
        match client.evalsha(source.hash.as_str(), keys.to_vec(), args()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                connection.forgotten();
                client.eval(source.text, keys.to_vec(), args()).await
            }
            reply => reply,
        }
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

    /// Reads a reply that is a single number.
    pub(crate) fn number(&self, connection: &Connection, reply: &Answer) -> Result<i64, BrokerError> {
        reply.as_i64().ok_or_else(|| connection.odd_answer(self.call, "not a number"))
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

    /// The next element, an id.
    pub(crate) fn id(&mut self) -> Result<MessageId, BrokerError> {
        <[u8; 16]>::try_from(self.bytes()?.as_ref())
            .map(MessageId::from_bytes)
            .map_err(|_| self.odd("an id is not 16 bytes long"))
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
