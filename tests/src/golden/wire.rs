//! [`GoldenMessage`]: a message of version 1, read and written with nothing but a MessagePack library.

use bytes::Bytes;
use rmp::{Marker, decode, encode};

/// A message of version 1, field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoldenMessage {
    /// The id.
    pub id: [u8; 16],
    /// Attempts charged.
    pub attempts: u32,
    /// Times put back.
    pub requeues: u32,
    /// When it was built.
    pub created_ms: u64,
    /// The greatest age.
    pub max_age_ms: Option<u64>,
    /// The task.
    pub task: String,
    /// The queue.
    pub queue: String,
    /// The carried values, in their order.
    pub carried: Vec<(String, Vec<u8>)>,
    /// The arguments.
    pub args: Vec<u8>,
}

/// What a reader of version 1 makes of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// A message.
    Message(GoldenMessage),
    /// A message of this version, which it must keep.
    Newer(u8),
}

impl GoldenMessage {
    /// A message that has never run, with the arguments `{key: key}`.
    #[must_use]
    pub fn new(task: &str, queue: &str, key: &str) -> Self {
        let mut args = Vec::new();
        encode::write_map_len(&mut args, 1).unwrap();
        encode::write_str(&mut args, "key").unwrap();
        encode::write_str(&mut args, key).unwrap();
        let id = *ltq_core::message::MessageId::new().as_bytes();
        let created_ms = u64::from_be_bytes([&[0, 0][..], &id[..6]].concat().try_into().unwrap());
        let (task, queue) = (task.to_owned(), queue.to_owned());
        Self { id, attempts: 0, requeues: 0, created_ms, max_age_ms: None, task, queue, carried: Vec::new(), args }
    }

    /// Reads one.
    ///
    /// # Panics
    ///
    /// The bytes are no message.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Read {
        let mut rest = bytes;
        let elements = decode::read_array_len(&mut rest).unwrap();
        let version = decode::read_pfix(&mut rest).unwrap();
        if version > 1 {
            return Read::Newer(version);
        }
        assert!((10..=15).contains(&elements), "{elements} elements");
        Read::Message(Self {
            id: bin(&mut rest).try_into().unwrap(),
            attempts: decode::read_int(&mut rest).unwrap(),
            requeues: decode::read_int(&mut rest).unwrap(),
            created_ms: decode::read_int(&mut rest).unwrap(),
            max_age_ms: if rest[0] == Marker::Null.to_u8() {
                decode::read_nil(&mut rest).unwrap();
                None
            } else {
                Some(decode::read_int(&mut rest).unwrap())
            },
            task: text(&mut rest),
            queue: text(&mut rest),
            carried: {
                let count = decode::read_map_len(&mut rest).unwrap();
                (0..count).map(|_| (text(&mut rest), bin(&mut rest))).collect()
            },
            args: bin(&mut rest),
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn write(&self) -> Bytes {
        self.write_with(&[])
    }

    /// Its bytes with more elements at the end, each MessagePack of its own, as a later writer of version 1 may add.
    ///
    /// # Panics
    ///
    /// There are more than five.
    #[must_use]
    pub fn write_with(&self, more: &[&[u8]]) -> Bytes {
        assert!(more.len() <= 5, "an envelope has at most 15 elements");
        let mut out = Vec::new();
        encode::write_array_len(&mut out, 10 + u32::try_from(more.len()).unwrap()).unwrap();
        encode::write_pfix(&mut out, 1).unwrap();
        encode::write_bin(&mut out, &self.id).unwrap();
        encode::write_uint(&mut out, self.attempts.into()).unwrap();
        encode::write_uint(&mut out, self.requeues.into()).unwrap();
        encode::write_uint(&mut out, self.created_ms).unwrap();
        match self.max_age_ms {
            Some(age) => drop(encode::write_uint(&mut out, age).unwrap()),
            None => encode::write_nil(&mut out).unwrap(),
        }
        encode::write_str(&mut out, &self.task).unwrap();
        encode::write_str(&mut out, &self.queue).unwrap();
        encode::write_map_len(&mut out, u32::try_from(self.carried.len()).unwrap()).unwrap();
        for (key, value) in &self.carried {
            encode::write_str(&mut out, key).unwrap();
            encode::write_bin(&mut out, value).unwrap();
        }
        encode::write_bin(&mut out, &self.args).unwrap();
        more.iter().for_each(|element| out.extend_from_slice(element));
        out.into()
    }

    /// As a worker puts it back after an attempt that failed.
    #[must_use]
    pub fn retried(&self) -> Self {
        Self { attempts: self.attempts + 1, requeues: self.requeues + 1, ..self.clone() }
    }

    /// The value of its one argument.
    ///
    /// # Panics
    ///
    /// The arguments are others.
    #[must_use]
    pub fn key(&self) -> String {
        let mut rest = self.args.as_slice();
        assert_eq!(decode::read_map_len(&mut rest).unwrap(), 1);
        assert_eq!(text(&mut rest), "key");
        text(&mut rest)
    }
}

/// A message of a version that is not there yet: the same first twenty bytes, another shape after them.
#[must_use]
pub fn version_2(id: [u8; 16]) -> Bytes {
    let mut out = vec![0x93, 2, 0xc4, 16];
    out.extend(id);
    out.extend([0x81, 0xa4, b't', b'a', b's', b'k', 0xc0]);
    out.into()
}

fn bin(from: &mut &[u8]) -> Vec<u8> {
    let length = usize::try_from(decode::read_bin_len(from).unwrap()).unwrap();
    let (bytes, rest) = from.split_at(length);
    *from = rest;
    bytes.to_vec()
}

fn text(from: &mut &[u8]) -> String {
    let length = usize::try_from(decode::read_str_len(from).unwrap()).unwrap();
    let (bytes, rest) = from.split_at(length);
    *from = rest;
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of an example in the document.
    fn example(name: &str) -> Vec<u8> {
        let document = include_str!("../../../docs/wire-format.md");
        let (_, after) = document.split_once(&format!("<!-- example: {name} -->")).unwrap();
        let lines = after.split("```").nth(1).unwrap().lines().skip(1);
        let words = lines.flat_map(|line| line.split('|').next().unwrap().split_whitespace());
        words.map(|word| u8::from_str_radix(word, 16).unwrap()).collect()
    }

    #[test]
    fn the_examples_of_the_document_are_read_and_written() {
        for (name, task, attempts, requeues, max_age_ms) in
            [("smallest", "ping", 0, 0, None), ("retried", "my_crate::fetch_repo", 2, 300, Some(60_000))]
        {
            let bytes = example(name);
            let Read::Message(message) = GoldenMessage::read(&bytes) else { panic!("{name} is of version 1") };
            let found = (message.task.as_str(), message.attempts, message.requeues, message.max_age_ms);
            assert_eq!(found, (task, attempts, requeues, max_age_ms));
            assert_eq!(message.created_ms, 1_714_000_000_000);
            assert_eq!(message.write(), bytes, "{name}");
        }
    }
}
