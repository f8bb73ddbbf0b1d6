//! [`Places`]: the keys of one queue, read without the broker, after whatever happened to it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ClientLike, HashesInterface, KeysInterface, ListInterface, SortedSetsInterface};
use ltq_core::message::{DeadLetter, MessageId};

/// What lies where.
pub(super) struct Places {
    pub(super) waiting: Vec<Bytes>,
    pub(super) active: Vec<(Bytes, Bytes)>,
    pub(super) dead: Vec<Bytes>,
    faults: Vec<String>,
}

impl Places {
    pub(super) async fn read(client: &Client, queue: &str) -> Self {
        let key = |name: &str| format!("{{ltq:{queue}}}:{name}");
        let mut faults = Vec::new();
        let mut waiting: Vec<Bytes> = client.lrange(key("ready"), 0, -1).await.unwrap();
        let scheduled: Vec<Bytes> = client.zrange(key("scheduled"), 0, -1, None, false, None, false).await.unwrap();
        waiting.extend(scheduled);
        let holders: Vec<String> = client.zrange(key("holders"), 0, -1, None, false, None, false).await.unwrap();
        let mut active = Vec::new();
        for holder in &holders {
            let held: BTreeMap<Bytes, Bytes> = hash(client, key(&format!("active:{holder}"))).await;
            active.extend(held);
        }
        let letters: BTreeMap<Bytes, Bytes> = hash(client, key("letters")).await;
        let dead: BTreeSet<Bytes> = client
            .zrange::<Vec<Bytes>, _, _, _>(key("dead"), 0, -1, None, false, None, false)
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
        let dead = letters.iter().map(letter).collect();

        let ids: BTreeSet<Bytes> = active.iter().map(|(id, _)| id.clone()).collect();
        let waiting_ids: BTreeSet<&[u8]> = waiting.iter().filter_map(|payload| payload.get(4..20)).collect();
        let recovered: BTreeMap<Bytes, u64> = hash(client, key("deliveries")).await;
        for id in recovered.keys().filter(|id| !ids.contains(*id) && !waiting_ids.contains(id.as_ref())) {
            faults.push(format!("a recovery count is left of {id:?}, which is neither waiting nor active"));
        }

        let keys: Vec<String> = client
            .custom(
                fred::types::CustomCommand::new_static("KEYS", None::<u16>, false),
                vec![format!("{{ltq:{queue}}}:*")],
            )
            .await
            .unwrap();
        for key in keys {
            let (_, name) = key.split_once("}:").unwrap();
            match name.split_once(':') {
                Some(("active", holder)) if !holders.iter().any(|known| known == holder) => {
                    faults.push(format!("{key} belongs to nobody who is registered"));
                }
                Some(("turn" | "producer", _)) if client.ttl::<i64, _>(&key).await.unwrap() <= 0 => {
                    faults.push(format!("{key} would stay for ever"));
                }
                _ => {}
            }
        }
        Self { waiting, active, dead, faults }
    }

    /// Everything there is.
    fn payloads(&self) -> impl Iterator<Item = &Bytes> {
        self.waiting.iter().chain(self.active.iter().map(|(_, payload)| payload)).chain(&self.dead)
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

async fn hash<T: fred::types::FromValue>(client: &Client, key: String) -> T {
    client.hgetall(key).await.unwrap()
}
