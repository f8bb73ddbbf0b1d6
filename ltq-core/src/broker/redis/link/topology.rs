//! [`Topology`]: which server of a cluster owns which hash slot, as last heard. Shared by all connections to the cluster.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use fred::types::Value as Answer;
use fred::types::config::Server;

/// How many hash slots a cluster has.
const SLOTS: usize = 16_384;

/// What is known of a cluster. A hint: servers redirect whoever asks the wrong one.
#[derive(Debug, Default)]
pub(super) struct Topology {
    owners: RwLock<Owners>,
    /// How often any connection to a server found it silent.
    silences: Mutex<HashMap<Server, Arc<AtomicU64>>>,
}

/// Who owns what.
#[derive(Debug, Default)]
pub(super) struct Owners {
    servers: Vec<Server>,
    /// One more than the index of the owner, for each slot; 0 where nobody owns it.
    slots: Vec<u16>,
    /// The version of the server that told this.
    version: Option<(u64, u64)>,
}

impl Topology {
    pub(super) fn owner(&self, slot: u16) -> Option<Server> {
        self.read(|owners| {
            let index = owners.slots.get(usize::from(slot)).copied().unwrap_or_default();
            index.checked_sub(1).and_then(|index| owners.servers.get(usize::from(index))).cloned()
        })
    }

    /// The primaries.
    pub(super) fn servers(&self) -> Vec<Server> {
        self.read(|owners| owners.servers.clone())
    }

    /// Whether a server is one of the primaries.
    pub(super) fn knows(&self, server: &Server) -> bool {
        self.read(|owners| owners.servers.contains(server))
    }

    pub(super) fn version(&self) -> Option<(u64, u64)> {
        self.read(|owners| owners.version)
    }

    pub(super) fn replace(&self, owners: Owners) {
        *self.owners.write().unwrap_or_else(PoisonError::into_inner) = owners;
    }

    /// A server said who owns a slot.
    pub(super) fn learn(&self, slot: u16, server: Server) {
        self.owners.write().unwrap_or_else(PoisonError::into_inner).give(slot..=slot, server);
    }

    /// How often any connection to the server found it silent.
    pub(super) fn silences(&self, server: &Server) -> Arc<AtomicU64> {
        let mut silences = self.silences.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(silences.entry(server.clone()).or_default())
    }

    fn read<T>(&self, read: impl FnOnce(&Owners) -> T) -> T {
        // Each change leaves it whole, so a poisoned one is, too.
        read(&self.owners.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Owners {
    /// Reads the answer to `CLUSTER SLOTS` that `asked` gave. `None` where it is no such answer, or nobody owns anything.
    pub(super) fn parse(answer: Answer, asked: &Server, version: Option<(u64, u64)>) -> Option<Self> {
        let mut owners = Self { version, ..Self::default() };
        let Answer::Array(ranges) = answer else { return None };
        for range in ranges {
            let Answer::Array(range) = range else { return None };
            // The replicas follow.
            let [first, last, Answer::Array(primary), ..] = &range[..] else { return None };
            let number = |value: &Answer| u16::try_from(value.as_u64()?).ok();
            owners.give(number(first)?..=number(last)?, server(primary, asked)?);
        }
        (!owners.servers.is_empty()).then_some(owners)
    }

    fn give(&mut self, slots: std::ops::RangeInclusive<u16>, server: Server) {
        let known = self.servers.iter().position(|known| *known == server);
        let index = known.unwrap_or_else(|| {
            self.servers.push(server);
            self.servers.len() - 1
        });
        self.slots.resize(SLOTS, 0);
        let number = u16::try_from(index + 1).unwrap_or_default();
        for slot in slots {
            if let Some(owner) = self.slots.get_mut(usize::from(slot)) {
                *owner = number;
            }
        }
    }

    /// The servers that `others` does not have.
    pub(super) fn servers(&self) -> HashSet<&Server> {
        self.servers.iter().collect()
    }
}

/// A server in an answer to `CLUSTER SLOTS`: its host, its port, its id, and more names of it. Certificates are for names, so
/// a name is preferred to a number. A server that does not know its own host is where the answer came from.
fn server(told: &[Answer], asked: &Server) -> Option<Server> {
    let [host, port, ..] = told else { return None };
    let names = match told.get(3) {
        Some(Answer::Array(names)) => &names[..],
        _ => &[],
    };
    let mut names = names.chunks_exact(2).filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)));
    let named = names.find(|(what, name)| what == "hostname" && !name.is_empty()).map(|(_, name)| name.into_owned());
    let host = host.as_str().filter(|host| !host.is_empty() && host != "?");
    let host = match (host, named) {
        (Some(host), Some(named)) if host.parse::<std::net::IpAddr>().is_ok() => named,
        (None, Some(named)) => named,
        (Some(host), _) => host.into_owned(),
        (None, None) => asked.host.to_string(),
    };
    Some(Server::new(host, u16::try_from(port.as_u64()?).ok()?))
}

/// Where an error sends its caller: a slot and its owner. `MOVED 3999 127.0.0.1:6381`, without the host where it is the same
/// as that of the server that was `asked`.
pub(super) fn redirection(details: &str, asked: &Server) -> Option<(u16, Server)> {
    let (slot, place) = details.strip_prefix("MOVED ")?.split_once(' ')?;
    let (host, port) = place.rsplit_once(':')?;
    let host = if matches!(host, "" | "?") { asked.host.to_string() } else { host.to_owned() };
    Some((slot.parse().ok()?, Server::new(host, port.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(elements: impl IntoIterator<Item = Answer>) -> Answer {
        Answer::Array(elements.into_iter().collect())
    }

    #[test]
    fn the_owners_of_slots_are_read() {
        let asked = Server::new("asked", 7000);
        let range = |first: i64, last: i64, primary: Answer| {
            list([first.into(), last.into(), primary, list(["replica".into(), 7_009_i64.into(), "id".into()])])
        };
        let hostname = list(["hostname".into(), "name".into()]);
        let answer = list([
            range(0, 99, list(["10.0.0.1".into(), 7_001_i64.into(), "id".into(), list([])])),
            range(100, 199, list(["10.0.0.2".into(), 7_002_i64.into(), "id".into(), hostname])),
            range(200, 16_383, list([Answer::Null, 7_003_i64.into(), "id".into()])),
        ]);
        let topology = Topology::default();
        assert_eq!(topology.owner(0), None);
        topology.replace(Owners::parse(answer, &asked, Some((7, 0))).unwrap());
        assert_eq!(topology.owner(99), Some(Server::new("10.0.0.1", 7_001)));
        assert_eq!(topology.owner(100), Some(Server::new("name", 7_002)));
        assert_eq!(topology.owner(16_383), Some(Server::new("asked", 7_003)));
        topology.learn(99, Server::new("elsewhere", 1));
        assert_eq!(topology.owner(99), Some(Server::new("elsewhere", 1)));
        assert_eq!(topology.owner(98), Some(Server::new("10.0.0.1", 7_001)));
        assert!(Owners::parse(list([]), &asked, None).is_none());
    }

    #[test]
    fn redirections_are_read() {
        let asked = Server::new("asked", 7000);
        let to = |details| redirection(details, &asked);
        assert_eq!(to("MOVED 3999 127.0.0.1:6381"), Some((3_999, Server::new("127.0.0.1", 6_381))));
        assert_eq!(to("MOVED 1 ::1:6381"), Some((1, Server::new("::1", 6_381))));
        assert_eq!(to("MOVED 1 :6381"), Some((1, Server::new("asked", 6_381))));
        assert_eq!(to("ASK 3999 127.0.0.1:6381"), None);
    }
}
