//! [`Places`]: the keys of one queue, read without the broker, after whatever happened to it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ClientLike, HashesInterface, KeysInterface, ListInterface, SortedSetsInterface};
use ltq_core::message::{DeadLetter, MessageId};

/// What lies where.
pub(super) struct Places {
    pub(super) waiting: Vec<Bytes>,
    pub(super) active: Vec<Bytes>,
    pub(super) dead: Vec<Bytes>,
    faults: Vec<String>,
}

impl Places {
    pub(super) async fn read(client: &Client, queue: &str) -> Self {
        let mut faults = Vec::new();
        let key = |name: &str| key(queue, name);
        let mut waiting: Vec<Bytes> = client.lrange(key("ready"), 0, -1).await.unwrap();
        let scheduled: Vec<Bytes> = client.zrange(key("scheduled"), 0, -1, None, false, None, false).await.unwrap();
        waiting.extend(scheduled);
        let holders: Vec<String> = client.zrange(key("holders"), 0, -1, None, false, None, false).await.unwrap();
        let mut active = Vec::new();
        for holder in &holders {
            active.extend(held(client, queue, holder, &mut faults).await);
        }
        let dead = dead(client, queue, &mut faults).await;

        let alive: BTreeSet<&[u8]> = waiting.iter().chain(&active).filter_map(|payload| payload.get(4..20)).collect();
        let recovered: BTreeMap<Bytes, u64> = hash(client, key("notes")).await;
        // The other notes are flags.
        for id in recovered.keys().filter(|id| id.len() == 16 && !alive.contains(id.as_ref())) {
            faults.push(format!("a recovery count is left of {id:?}, which is neither waiting nor active"));
        }
        faults.extend(keys_left_behind(client, queue, &holders).await);
        Self { waiting, active, dead, faults }
    }

    /// Everything there is.
    fn payloads(&self) -> impl Iterator<Item = &Bytes> {
        self.waiting.iter().chain(&self.active).chain(&self.dead)
    }

    /// Asserts that each of the messages, told apart by `number`, is in one place, and that there are `count`.
    pub(super) fn check(&self, count: u64, number: impl Fn(&Bytes) -> u32, alike: bool) -> Result<(), String> {
        if let Some(fault) = self.faults.first() {
            return Err(fault.clone());
        }
        let mut places = BTreeMap::<u32, u64>::new();
        for payload in self.payloads() {
            *places.entry(number(payload)).or_default() += 1;
        }
        if alike {
            return Ok(());
        }
        if let Some((number, times)) = places.iter().find(|(_, times)| **times > 1) {
            return Err(format!("message {number} is in {times} places"));
        }
        let there = u64::try_from(places.len()).unwrap();
        if there == count { Ok(()) } else { Err(format!("{there} messages are there, {count} should be: {places:?}")) }
    }
}

/// What a worker holds, one by one and in blocks.
async fn held(client: &Client, queue: &str, holder: &str, faults: &mut Vec<String>) -> Vec<Bytes> {
    let singly: BTreeMap<Bytes, Bytes> = hash(client, key(queue, &format!("active:{holder}"))).await;
    let mut held: Vec<_> = singly.into_values().collect();
    let blocks: BTreeMap<String, Bytes> = hash(client, key(queue, &format!("blocks:{holder}"))).await;
    for slot in 0..4 {
        let list = key(queue, &format!("block:{holder}:{slot}"));
        let list: Vec<Bytes> = client.lrange(list, 0, -1).await.unwrap();
        let left = match blocks.get(&slot.to_string()) {
            Some(state) => block(state, &list),
            None if list.is_empty() => Ok(Vec::new()),
            None => Err("a block that nobody knows of".to_owned()),
        };
        match left {
            Ok(left) => held.extend(left),
            Err(fault) => faults.push(format!("{fault}: slot {slot} of {holder}")),
        }
    }
    held
}

/// The payloads of the dead letters.
async fn dead(client: &Client, queue: &str, faults: &mut Vec<String>) -> Vec<Bytes> {
    let letters: BTreeMap<Bytes, Bytes> = hash(client, key(queue, "letters")).await;
    let dead: BTreeSet<Bytes> = client
        .zrange::<Vec<Bytes>, _, _, _>(key(queue, "dead"), 0, -1, None, false, None, false)
        .await
        .unwrap()
        .into_iter()
        .collect();
    if dead != letters.keys().cloned().collect() {
        faults.push("`dead` and `letters` do not hold the same ids".to_owned());
    }
    let letter = |(id, record): (&Bytes, &Bytes)| {
        let id = MessageId::from_bytes(id.as_ref().try_into().unwrap());
        DeadLetter::decode(id, 0, record).unwrap().payload
    };
    letters.iter().map(letter).collect()
}

/// What is wrong with the keys there are: those of somebody who is gone, and those that would never go.
async fn keys_left_behind(client: &Client, queue: &str, holders: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let keys: Vec<String> = client
        .custom(fred::types::CustomCommand::new_static("KEYS", None::<u16>, false), vec![key(queue, "*")])
        .await
        .unwrap();
    for key in keys {
        let (_, name) = key.split_once("}:").unwrap();
        match name.split_once(':') {
            Some(("active" | "blocks" | "block", holder))
                if !holders.iter().any(|known| holder.split(':').next() == Some(known)) =>
            {
                faults.push(format!("{key} belongs to nobody who is registered"));
            }
            Some(("turn" | "producer", _)) if client.ttl::<i64, _>(&key).await.unwrap() <= 0 => {
                faults.push(format!("{key} would stay for ever"));
            }
            _ => {}
        }
    }
    faults
}

/// What is left of a block: its state is `turn:how many:mask`, its list the turn and then what it took.
fn block(state: &Bytes, list: &[Bytes]) -> Result<Vec<Bytes>, String> {
    let mut parts = state.splitn(3, |byte| *byte == b':');
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<usize>().ok();
    let (Some(turn), Some(count)) = (number(), number()) else { return Err(format!("the state {state:?}")) };
    let mask = parts.next().unwrap_or_default();
    let Some((first, payloads)) = list.split_first() else { return Err("a state without a list".to_owned()) };
    let is_left = |nth: usize| mask.get(nth / 8).is_some_and(|byte| byte >> (nth % 8) & 1 == 1);
    let left: Vec<_> =
        payloads.iter().enumerate().filter(|(nth, _)| is_left(*nth)).map(|(_, payload)| payload.clone()).collect();
    let whole = first.starts_with(format!("{turn}:").as_bytes())
        && left.len() == count
        && count > 0
        && mask.len() <= payloads.len().div_ceil(8);
    if whole { Ok(left) } else { Err(format!("{state:?} with {first:?} and {} messages", payloads.len())) }
}

fn key(queue: &str, name: &str) -> String {
    format!("{{ltq:{queue}}}:{name}")
}

async fn hash<T: fred::types::FromValue>(client: &Client, key: String) -> T {
    client.hgetall(key).await.unwrap()
}
