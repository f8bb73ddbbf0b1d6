//! Holds the wire format still: the bytes of `docs/wire-format.md` are what this version writes and reads.
//!
//! The examples are read from the document, so neither can change without the other. The properties are those every
//! reader relies on: what was written is read back, and no bytes whatsoever make a reader panic.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are part of it")]

use bytes::Bytes;
use ltq_core::message::{
    Carried, DeadLetter, DeadReason, DecodeError, Envelope, MessageId, WIRE_VERSION, decode_args, encode_args,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

const DOCUMENT: &str = include_str!("../../docs/wire-format.md");
const ID: &str = "018f4d1e-7b5a-7cc0-8000-0123456789ab";
const CREATED_AT_MS: u64 = 1_714_000_000_000;
/// How many bytes the elements take that the example `newer` has more.
const ADDED: usize = 13;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct FetchRepo {
    owner: String,
    name: String,
}

/// The bytes of the example `name`: the hex digits before `|` in each line of the block that follows its marker.
fn example(name: &str) -> Vec<u8> {
    let marker = format!("<!-- example: {name} -->");
    let (_, after) = DOCUMENT.split_once(&marker).unwrap_or_else(|| panic!("no `{marker}` in docs/wire-format.md"));
    let block = after.split("```").nth(1).unwrap();
    let hex: String = block
        .lines()
        .skip(1)
        .flat_map(|line| line.split('|').next().unwrap().chars().filter(|c| !c.is_whitespace()))
        .collect();
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn smallest(args: &[u8]) -> Envelope<'_> {
    Envelope::new(ID.parse().unwrap(), "ping", "ping", CREATED_AT_MS, args)
}

fn retried(args: &[u8]) -> Envelope<'_> {
    let mut envelope = Envelope::new(ID.parse().unwrap(), "my_crate::fetch_repo", "github", CREATED_AT_MS, args);
    envelope.attempts = 2;
    envelope.requeues = 300;
    envelope.max_age_ms = Some(60_000);
    envelope.carried.set("trace", "a1").unwrap();
    envelope
}

#[test]
fn the_smallest_message_has_the_documented_bytes() {
    let args = encode_args(&()).unwrap();
    let written = smallest(&args).encode();
    assert_eq!(hex(&written), hex(&example("smallest")));
    assert_eq!(Envelope::decode(&example("smallest")).unwrap(), smallest(&args));
}

#[test]
fn a_retried_message_has_the_documented_bytes() {
    let call = FetchRepo { owner: "tokio-rs".to_owned(), name: "tokio".to_owned() };
    let args = encode_args(&call).unwrap();
    let written = retried(&args).encode();
    assert_eq!(hex(&written), hex(&example("retried")));
    let bytes = example("retried");
    let read = Envelope::decode(&bytes).unwrap();
    assert_eq!(read, retried(&args));
    assert_eq!(decode_args::<FetchRepo>(read.args).unwrap(), call);
}

#[test]
fn a_dead_letter_has_the_documented_bytes() {
    let id = ID.parse().unwrap();
    let payload = Bytes::from(example("smallest"));
    let letter = DeadLetter::new(id, DeadReason::Failed, "timed out", 3, payload);
    assert_eq!(hex(&letter.encode()), hex(&example("dead-letter")));
    let record = Bytes::from(example("dead-letter"));
    assert_eq!(DeadLetter::decode(id, 0, &record).unwrap(), letter);
}

#[test]
fn the_id_stands_at_bytes_4_to_19() {
    assert_eq!(smallest(&[0x80]).encode()[4..20], *ID.parse::<MessageId>().unwrap().as_bytes());
}

#[test]
fn a_newer_version_is_told_from_a_broken_message() {
    for newer in [WIRE_VERSION + 1, 0x7f] {
        let mut bytes = smallest(&[0x80]).encode().to_vec();
        bytes[1] = newer;
        assert_eq!(Envelope::decode(&bytes), Err(DecodeError::NewerVersion { found: newer }));
        // Whatever follows the id: only the first twenty bytes are the same in every version.
        bytes.truncate(20);
        assert_eq!(Envelope::decode(&bytes), Err(DecodeError::NewerVersion { found: newer }));
    }
    for not_a_version in [0x00, 0x80, 0xff] {
        let mut bytes = smallest(&[0x80]).encode().to_vec();
        bytes[1] = not_a_version;
        assert!(matches!(Envelope::decode(&bytes), Err(DecodeError::NotAnEnvelope { .. })));
    }
}

#[test]
fn foreign_bytes_are_told_from_a_broken_message() {
    for foreign in [&b""[..], b"\x9a", b"hello, is this a message at all?", b"{\"task\":\"fetch_repo\",\"args\":[]}"] {
        assert_eq!(Envelope::decode(foreign), Err(DecodeError::NotAnEnvelope { length: foreign.len() }));
    }
}

#[test]
fn a_map_that_promises_more_than_there_is_costs_nothing() {
    let whole = smallest(&[0x80]).encode();
    // The empty carried map and the arguments stand last: one byte, and three.
    let mut bytes = whole[..whole.len() - 4].to_vec();
    bytes.extend([0xdf, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(Envelope::decode(&bytes), Err(DecodeError::Broken { .. })));
}

#[test]
fn of_two_carried_values_under_one_key_the_last_counts() {
    let whole = smallest(&[0x80]).encode();
    let (start, args) = whole.split_at(whole.len() - 4);
    let bytes = [start, &[0x82, 0xa1, b'k', 0xc4, 1, 7, 0xa1, b'k', 0xc4, 1, 8], &args[1..]].concat();
    let read = Envelope::decode(&bytes).unwrap();
    assert_eq!(read.carried.get("k").unwrap(), Some(8_u8));
}

#[test]
fn bytes_after_the_last_field_are_an_error() {
    let bytes = [&smallest(&[0x80]).encode()[..], b"x"].concat();
    assert!(matches!(Envelope::decode(&bytes), Err(DecodeError::Broken { .. })));
}

#[test]
fn arguments_must_be_a_map() {
    assert_eq!(encode_args(&()).unwrap(), &[0x80][..]);
    for refused in [encode_args("text"), encode_args(&1_u8), encode_args(&["a", "b"]), encode_args(&("a", 1))] {
        assert!(refused.unwrap_err().to_string().contains("named fields"));
    }
}

#[test]
fn arguments_may_come_and_go() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Newer {
        owner: String,
        #[serde(default)]
        depth: u8,
    }
    let args = encode_args(&FetchRepo { owner: "a".to_owned(), name: "b".to_owned() }).unwrap();
    assert_eq!(decode_args::<Newer>(&args).unwrap(), Newer { owner: "a".to_owned(), depth: 0 });
}

#[test]
fn an_error_names_the_argument_and_never_its_value() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only ever fails to decode")]
    struct Login {
        user: u32,
        #[serde(default)]
        mode: Option<Mode>,
    }
    #[derive(Debug, Deserialize)]
    enum Mode {
        Fast,
    }
    #[derive(Serialize)]
    struct Sent<U, M> {
        user: U,
        mode: M,
    }
    let error = |args: Bytes| decode_args::<Login>(&args).unwrap_err().to_string();

    let text = error(encode_args(&Sent { user: "s3cret, expected `u8`", mode: () }).unwrap());
    assert!(text.contains("`user`") && text.contains("found string"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");

    let text = error(encode_args(&Sent { user: 1, mode: ["s3cret"] }).unwrap());
    assert!(text.contains("`mode`") && !text.contains("s3cret"), "{text}");

    let text = error(encode_args(&Sent { user: 1, mode: "s3cret" }).unwrap());
    assert!(text.contains("`mode`") && !text.contains("s3cret"), "{text}");

    let text = error(encode_args(&Sent { user: -77, mode: () }).unwrap());
    assert!(text.contains("`user`") && !text.contains("77"), "{text}");

    let text = error(encode_args(&()).unwrap());
    assert!(text.contains("missing field `user`"), "{text}");
}

#[test]
fn nesting_without_end_is_an_error() {
    // {"deep": [[[[…]]]]}, an argument the task does not even have.
    let bytes = [&b"\x81\xa4deep"[..], &[0x91; 200_000]].concat();
    assert!(matches!(decode_args::<FetchRepo>(&bytes), Err(DecodeError::Arguments { .. })));
}

/// An envelope's own fields, owned, since the envelope borrows.
#[derive(Debug, Clone)]
struct Fields {
    id: [u8; 16],
    numbers: (u32, u32, u64, Option<u64>),
    names: (String, String),
    carried: std::collections::BTreeMap<String, String>,
    args: Vec<u8>,
}

impl Fields {
    fn envelope(&self) -> Envelope<'_> {
        let id = MessageId::from_bytes(self.id);
        let mut envelope = Envelope::new(id, &self.names.0, &self.names.1, self.numbers.2, &self.args);
        (envelope.attempts, envelope.requeues, _, envelope.max_age_ms) = self.numbers;
        let mut carried = Carried::default();
        for (key, value) in &self.carried {
            carried.set(key.as_str(), value).unwrap();
        }
        envelope.carried = carried;
        envelope
    }
}

/// An envelope as a newer version writes it: with `added` at its end, and carried values of any bytes.
fn with_added(fields: &Fields, added: &[String], carried: &std::collections::BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    use rmp::encode;

    let mut out = fields.envelope().encode()[..20].to_vec();
    out[0] += u8::try_from(added.len()).unwrap();
    let (attempts, requeues, created, max_age) = fields.numbers;
    for number in [attempts.into(), requeues.into(), created, max_age.unwrap_or(1)] {
        encode::write_uint(&mut out, number).unwrap();
    }
    encode::write_str(&mut out, &fields.names.0).unwrap();
    encode::write_str(&mut out, &fields.names.1).unwrap();
    encode::write_map_len(&mut out, u32::try_from(carried.len()).unwrap()).unwrap();
    for (key, value) in carried {
        encode::write_str(&mut out, key).unwrap();
        encode::write_bin(&mut out, value).unwrap();
    }
    encode::write_bin(&mut out, &fields.args).unwrap();
    for text in added {
        encode::write_str(&mut out, text).unwrap();
    }
    out
}

fn fields() -> impl Strategy<Value = Fields> {
    let names = (".{0,300}", ".{0,40}");
    (
        any::<[u8; 16]>(),
        any::<(u32, u32, u64, Option<u64>)>(),
        names,
        btree_map(".{0,40}", ".{0,40}", 0..20),
        vec(any::<u8>(), 0..70_000),
    )
        .prop_map(|(id, numbers, names, carried, args)| Fields { id, numbers, names, carried, args })
}

proptest! {
    // Each case is up to 70 kB, which covers every length MessagePack writes differently.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(fields in fields()) {
        let bytes = fields.envelope().encode();
        prop_assert_eq!(Envelope::decode(&bytes).unwrap(), fields.envelope());
    }

    #[test]
    fn what_a_newer_version_added_is_written_back(
        fields in fields(),
        added in vec("[a-z]{0,40}", 1..6),
        unknown in btree_map("[a-z.]{1,20}", vec(any::<u8>(), 0..40), 0..5),
    ) {
        let bytes = with_added(&fields, &added, &unknown);
        let read = Envelope::decode(&bytes).unwrap();
        prop_assert_eq!(read.task, fields.names.0.as_str());
        prop_assert_eq!(&read.encode()[..], &bytes);
        let mut put_back = read.clone();
        (put_back.attempts, put_back.requeues) = (7, 300);
        let put_back_bytes = put_back.encode();
        prop_assert_eq!(Envelope::decode(&put_back_bytes).unwrap(), put_back);
    }

    #[test]
    fn a_dead_letter_is_read_back(fields in fields(), error in ".{0,200}", attempts: u32, died_at_ms: u64) {
        let id = MessageId::from_bytes(fields.id);
        let mut letter = DeadLetter::new(id, DeadReason::UnknownTask, error, attempts, fields.args.into());
        letter.died_at_ms = died_at_ms;
        prop_assert_eq!(DeadLetter::decode(id, died_at_ms, &letter.encode()).unwrap(), letter);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..400)) {
        let _ = Envelope::decode(&bytes);
        let _ = decode_args::<FetchRepo>(&bytes);
        let _ = DeadLetter::decode(MessageId::from_bytes([0; 16]), 0, &Bytes::from(bytes));
    }

    #[test]
    fn no_bytes_after_a_good_start_make_a_reader_panic(tail in vec(any::<u8>(), 0..400), count in 10_u8..16) {
        let start = &example("smallest")[..20];
        let mut bytes = [start, &tail].concat();
        bytes[0] = 0x90 | count;
        let _ = Envelope::decode(&bytes);
    }

    #[test]
    fn one_wrong_byte_never_makes_a_reader_panic(at: prop::sample::Index, byte: u8) {
        let mut bytes = example("retried");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(envelope) = Envelope::decode(&bytes) {
            let _ = decode_args::<FetchRepo>(envelope.args);
        }
    }
}

#[test]
fn a_message_cut_short_anywhere_is_an_error() {
    for name in ["smallest", "retried"] {
        let bytes = example(name);
        for length in 0..bytes.len() {
            assert!(Envelope::decode(&bytes[..length]).is_err(), "{name}, {length} bytes of {}", bytes.len());
        }
    }
}

#[test]
fn a_dead_letter_cut_short_anywhere_is_an_error() {
    let bytes = Bytes::from(example("dead-letter"));
    for length in 0..bytes.len() {
        assert!(DeadLetter::decode(MessageId::from_bytes([0; 16]), 0, &bytes.slice(..length)).is_err());
    }
}

/// The smallest message as a newer version wrote it: two more elements, and a carried value that is no type of today.
#[test]
fn elements_and_carried_values_of_the_future_survive_a_put_back() {
    let args = encode_args(&()).unwrap();
    let bytes = example("newer");
    let mut read = Envelope::decode(&bytes).unwrap();
    assert_eq!((read.task, read.queue, read.args), ("ping", "ping", &args[..]));
    assert_eq!(hex(&read.encode()), hex(&bytes));

    (read.attempts, read.requeues) = (1, 1);
    read.carried.set("mine", "a1").unwrap();
    let mut put_back = example("newer");
    put_back[20..22].copy_from_slice(&[1, 1]);
    let carried = put_back.windows(7).position(|window| window == b"\x81\xa5later").unwrap();
    put_back[carried] = 0x82;
    let value = carried + 1 + 6 + 2 + 4;
    put_back.splice(value..value, *b"\xa4mine\xc4\x03\xa2a1");
    assert_eq!(hex(&read.encode()), hex(&put_back));
}

#[test]
fn a_replay_keeps_the_elements_of_the_future() {
    let bytes = Bytes::from(example("newer"));
    let read = Envelope::decode(&bytes).unwrap();
    let letter = DeadLetter::new(read.id, DeadReason::Failed, "no", 1, bytes.clone());
    let mut expected = read.clone();
    (expected.requeues, expected.created_at_ms) = (1, 7);
    assert_eq!(letter.replay_payload(7), expected.encode());
    assert!(letter.replay_payload(7).ends_with(&example("newer")[bytes.len() - ADDED..]));
}

#[test]
fn elements_that_a_dead_letter_has_more_are_ignored() {
    let mut record = example("dead-letter");
    record[0] += 1;
    record.push(0xc3);
    let id = MessageId::from_bytes([0; 16]);
    assert_eq!(DeadLetter::decode(id, 0, &record.into()).unwrap().error, "timed out");
}
