//! Envelopes and arguments to bytes and back: wire format version 1, described in `docs/wire-format.md`.
//!
//! An envelope is one MessagePack array. Its first four bytes have a fixed shape, so the id is always at bytes 4 to 19,
//! where the broker's scripts cut it out without decoding anything. Readers accept more elements than they know and write
//! them back as they were, so a field can be added at the end without a new version.
//!
//! Error texts never hold a value that was read: they end in logs and dead letters, and arguments may be secrets.
//!
//! Next: `client/mod.rs` hands the bytes to the broker.

use bytes::Bytes;
use rmp::decode::{self, ValueReadError};
use rmp::encode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::envelope::Added;
use super::{Carried, Envelope, MessageId};

/// The version of the wire format this crate writes.
pub const WIRE_VERSION: u8 = 1;

/// How many elements the array of version 1 has.
const FIELDS: u8 = 10;
/// How deep arguments and carried values may be nested.
const MAX_DEPTH: usize = 128;
/// The marker of a MessagePack binary of up to 255 bytes, then its length: what stands before an id.
const ID_MARKER: [u8; 2] = [0xc4, 16];
/// Where the id stands.
const ID_RANGE: std::ops::Range<usize> = 4..20;

/// A value that cannot be written as MessagePack.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the arguments could not be encoded: {reason}; every argument must serialise, and maps need string keys")]
pub struct EncodeError {
    reason: String,
}

/// Bytes that are not what they should be. The bytes themselves are not shown: they may hold arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes do not start as an envelope does.
    #[error("{length} bytes do not start like an LTQ message; something else writes to this queue")]
    NotAnEnvelope {
        /// How many bytes there were.
        length: usize,
    },
    /// A newer LTQ wrote the message. It must be kept for a worker that can read it.
    #[error("the message has wire version {found}, this worker reads up to {WIRE_VERSION}: update the worker")]
    NewerVersion {
        /// The version the message has.
        found: u8,
    },
    /// The message starts well and then breaks.
    #[error("the message is broken: {what}")]
    Broken {
        /// The part that could not be read and why.
        what: String,
    },
    /// The arguments do not fit the task's parameters.
    #[error("the arguments do not fit the task: {reason}")]
    Arguments {
        /// What serde said.
        reason: String,
    },
}

/// Encodes arguments as a map from name to value. No arguments, written `()`, is the empty map.
///
/// # Errors
///
/// A value does not serialise, or the whole is neither a struct with named fields nor a map.
pub fn encode_args<A: Serialize + ?Sized>(args: &A) -> Result<Bytes, EncodeError> {
    // Room for most arguments, so that the buffer does not grow in steps.
    let mut bytes = Vec::with_capacity(256);
    rmp_serde::encode::write_named(&mut bytes, args).map_err(|error| EncodeError { reason: error.to_string() })?;
    match bytes.first() {
        Some(0x80..=0x8f | 0xde | 0xdf) => Ok(bytes.into()),
        Some(0xc0) => Ok(Bytes::from_static(&[0x80])),
        _ => Err(EncodeError { reason: "they are neither a struct with named fields nor a map".to_owned() }),
    }
}

/// Decodes arguments by name; unknown names are ignored.
///
/// # Errors
///
/// [`DecodeError::Arguments`]: an argument is missing or of another type.
pub fn decode_args<A: DeserializeOwned>(bytes: &[u8]) -> Result<A, DecodeError> {
    // Only a failure pays for finding out which argument it was.
    A::deserialize(&mut deserializer(bytes)).or_else(|_| {
        serde_path_to_error::deserialize(&mut deserializer(bytes)).map_err(|error| {
            let name = match error.path().iter().next() {
                Some(serde_path_to_error::Segment::Map { key }) => Some(key.as_str()),
                _ => None,
            };
            argument_error(name, error.inner())
        })
    })
}

/// What serde said of the argument `name`, or of all of them.
pub(super) fn argument_error(name: Option<&str>, error: &rmp_serde::decode::Error) -> DecodeError {
    let argument = name.map(|name| format!("`{name}`: ")).unwrap_or_default();
    DecodeError::Arguments { reason: format!("{argument}{}", without_values(error)) }
}

impl<'a> Envelope<'a> {
    /// The bytes of this envelope.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let texts = self.task.len() + self.queue.len();
        let mut buffer = Vec::with_capacity(64 + texts + self.args.len() + self.added.bytes.len());
        // Writing into a `Vec` cannot fail, so there is no error to hand on.
        let _ = self.write(&mut buffer);
        buffer.into()
    }

    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        encode::write_array_len(out, u32::from(FIELDS + self.added.count))?;
        encode::write_pfix(out, WIRE_VERSION)?;
        encode::write_bin(out, self.id.as_bytes())?;
        encode::write_uint(out, u64::from(self.attempts))?;
        encode::write_uint(out, u64::from(self.requeues))?;
        encode::write_uint(out, self.created_at_ms)?;
        match self.max_age_ms {
            Some(ms) => drop(encode::write_uint(out, ms)?),
            None => encode::write_nil(out)?,
        }
        encode::write_str(out, self.task)?;
        encode::write_str(out, self.queue)?;
        encode::write_map_len(out, length(self.carried.0.len()))?;
        for (key, value) in &self.carried.0 {
            encode::write_str(out, key)?;
            encode::write_bin(out, value)?;
        }
        encode::write_bin(out, self.args)?;
        out.extend_from_slice(self.added.bytes);
        Ok(())
    }

    /// Reads an envelope. Never panics, whatever the bytes.
    ///
    /// # Errors
    ///
    /// The bytes are not an envelope, are broken, or are of a newer version.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (id, version) = peek(bytes)?;
        if version > WIRE_VERSION {
            return Err(DecodeError::NewerVersion { found: version });
        }
        let fields = bytes[0] & 0x0f;
        if fields < FIELDS {
            return Err(broken("fields", format!("{fields} of {FIELDS}")));
        }
        let mut rest = &bytes[ID_RANGE.end..];
        let attempts = read_int(&mut rest, "attempts")?;
        let requeues = read_int(&mut rest, "requeues")?;
        let created_at_ms = read_int(&mut rest, "created")?;
        let max_age_ms = if rest.first() == Some(&0xc0) {
            rest = &rest[1..];
            None
        } else {
            Some(read_int(&mut rest, "max_age")?)
        };
        let task = read_str(&mut rest, "task")?;
        let queue = read_str(&mut rest, "queue")?;
        let carried = read_carried(&mut rest)?;
        let args = read_bin(&mut rest, "arguments")?;
        if fields == FIELDS && !rest.is_empty() {
            return Err(broken("end", format!("{} bytes follow the last field", rest.len())));
        }
        let added = Added { count: fields - FIELDS, bytes: rest };
        Ok(Self { id, attempts, requeues, created_at_ms, max_age_ms, task, queue, carried, args, added })
    }
}

/// The id and the version, which stand at the same place in every version.
fn peek(bytes: &[u8]) -> Result<(MessageId, u8), DecodeError> {
    let not_an_envelope = DecodeError::NotAnEnvelope { length: bytes.len() };
    let Some(id) = bytes.get(ID_RANGE) else { return Err(not_an_envelope) };
    let fixed_array = bytes[0] & 0xf0 == 0x90;
    let version = bytes[1];
    if !fixed_array || version == 0 || version > 0x7f || bytes[2..4] != ID_MARKER {
        return Err(not_an_envelope);
    }
    let Ok(id) = <[u8; 16]>::try_from(id) else { return Err(not_an_envelope) };
    Ok((MessageId::from_bytes(id), version))
}

/// A deserializer that gives up before nested values can use up the stack of a thread.
pub(super) fn deserializer(bytes: &[u8]) -> rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'_, [u8]>> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(MAX_DEPTH);
    deserializer
}

/// What serde said, without the value it said it about.
fn without_values(error: &rmp_serde::decode::Error) -> String {
    use rmp_serde::decode::Error;

    let text = match error {
        Error::TypeMismatch(marker) => return format!("found {}, expected another type", kind(*marker)),
        Error::Syntax(text) => text,
        other => return other.to_string(),
    };
    if let Some(rest) = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "))
        && let Some((found, expected)) = rest.rsplit_once(", expected ")
    {
        // "string \"…\"", "integer `…`": the kind stands before the quote.
        let kind = found.split(['`', '"']).next().unwrap_or_default().trim_end();
        return format!("found {kind}, expected {expected}");
    }
    if ["missing field `", "duplicate field `", "invalid length "].iter().any(|start| text.starts_with(start)) {
        return text.clone();
    }
    "its type refused the value".to_owned()
}

fn kind(marker: rmp::Marker) -> &'static str {
    use rmp::Marker::*;

    match marker {
        Null => "nothing",
        True | False => "boolean",
        FixPos(_) | FixNeg(_) | U8 | U16 | U32 | U64 | I8 | I16 | I32 | I64 => "integer",
        F32 | F64 => "floating point",
        FixStr(_) | Str8 | Str16 | Str32 => "string",
        Bin8 | Bin16 | Bin32 => "byte array",
        FixArray(_) | Array16 | Array32 => "sequence",
        FixMap(_) | Map16 | Map32 => "map",
        _ => "extension",
    }
}

pub(super) fn broken(field: &str, why: impl std::fmt::Display) -> DecodeError {
    DecodeError::Broken { what: format!("`{field}`: {why}") }
}

pub(super) fn read_int<T: TryFrom<u64>>(rest: &mut &[u8], field: &str) -> Result<T, DecodeError> {
    let number: u64 = decode::read_int(rest).map_err(|error| broken(field, error))?;
    T::try_from(number).map_err(|_| broken(field, format!("{number} is out of range")))
}

/// Takes `length` bytes off the front.
fn take<'a>(rest: &mut &'a [u8], length: u32, field: &str) -> Result<&'a [u8], DecodeError> {
    let length = usize::try_from(length).map_err(|error| broken(field, error))?;
    let Some((taken, left)) = rest.split_at_checked(length) else {
        return Err(broken(field, format!("{length} bytes promised, {} there", rest.len())));
    };
    *rest = left;
    Ok(taken)
}

pub(super) fn read_str<'a>(rest: &mut &'a [u8], field: &str) -> Result<&'a str, DecodeError> {
    let length = decode::read_str_len(rest).map_err(|error| broken(field, error))?;
    std::str::from_utf8(take(rest, length, field)?).map_err(|error| broken(field, error))
}

pub(super) fn read_bin<'a>(rest: &mut &'a [u8], field: &str) -> Result<&'a [u8], DecodeError> {
    let length = decode::read_bin_len(rest).map_err(|error: ValueReadError| broken(field, error))?;
    take(rest, length, field)
}

fn read_carried(rest: &mut &[u8]) -> Result<Carried, DecodeError> {
    let entries = decode::read_map_len(rest).map_err(|error| broken("carried", error))?;
    let mut carried = Carried::default();
    for _ in 0..entries {
        let key = read_str(rest, "carried")?.to_owned();
        let value = read_bin(rest, "carried")?;
        carried.0.insert(key, Bytes::copy_from_slice(value));
    }
    Ok(carried)
}

/// A length as MessagePack writes it. A map of more than 4 billion entries does not fit into memory.
fn length(entries: usize) -> u32 {
    u32::try_from(entries).unwrap_or(u32::MAX)
}
