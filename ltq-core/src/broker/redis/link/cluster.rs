//! [`Cluster`]: connections to the primaries of a cluster, one each, made when they are first needed.
//!
//! The client could do this by itself, but while it looks for one primary in vain it serves none of the others. Here each
//! primary has a client that knows of no cluster. Who owns a slot is asked anew whenever a call goes unanswered or a server
//! redirects it.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::config::Server;
use fred::types::{ClusterHash, CustomCommand, Value as Answer};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::error::{is_passing, server_words};
use super::node::Node;
use super::request::Request;
use super::settings::Settings;
use super::topology::{Owners, Topology, redirection};
use crate::broker::BrokerError;

/// How long a call goes unanswered before it is asked who owns its slot now.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often at most that is asked.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long a server has to say who owns what.
const LOOK: Duration = Duration::from_millis(1_500);
/// How long to wait before a call is sent to the next server, or to the same once more; it grows to ten times of this.
const PAUSE: Duration = Duration::from_millis(20);

/// The primaries of a cluster. Dropping it closes all connections.
pub(super) struct Cluster {
    settings: Settings,
    call_timeout: Duration,
    nodes: Mutex<HashMap<Server, Arc<Node>>>,
    /// When it was last asked who owns what.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

/// What to do after an answer.
enum Next {
    Return(Result<Answer, BrokerError>),
    /// Ask again, whoever owns the slot then. This is what the call failed with if there is no time left.
    Again(BrokerError),
}

impl Cluster {
    /// Connects, unless another connection has found out already who owns what.
    pub(super) async fn open(settings: &Settings, call_timeout: Duration) -> Result<Self, BrokerError> {
        let cluster = Self {
            settings: settings.clone(),
            call_timeout,
            nodes: Mutex::default(),
            looked: tokio::sync::Mutex::default(),
        };
        if cluster.topology().servers().is_empty() {
            let owners = cluster.ask_anyone().await?;
            cluster.topology().replace(owners);
        }
        Ok(cluster)
    }

    /// Makes a request of the owner of its slot, and makes it again while that changes or cannot serve, as long as a call may
    /// take.
    pub(super) async fn call(&self, request: &impl Request) -> Result<Answer, BrokerError> {
        let (slot, began) = (request.slot(), Instant::now());
        let mut times = 0;
        loop {
            let error = match self.owner(slot) {
                Some((server, node)) => match self.ask(&server, &node, request, began).await {
                    Next::Return(answer) => return answer,
                    Next::Again(error) => error,
                },
                None => {
                    self.look().await;
                    self.unavailable("no server of the cluster owns the hash slot of the queue")
                }
            };
            // The first redirection is followed at once.
            let pause = if times == 0 { Duration::ZERO } else { PAUSE * times.min(10) };
            if began.elapsed() + pause >= self.call_timeout {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            times += 1;
        }
    }

    /// Makes a request once. `None` where the slot has moved, or is about to: look for it again.
    pub(super) async fn call_once(&self, request: &impl Request) -> Result<Option<Answer>, BrokerError> {
        let slot = request.slot();
        let Some((server, node)) = self.owner(slot) else {
            self.look().await;
            return Err(self.unavailable("no server of the cluster owns the hash slot of the queue"));
        };
        node.heed().await;
        match request.send(node.client()).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if self.follow(slot, &server, &error).await => Ok(None),
            Err(error) => {
                self.look().await;
                Err(node.error(request.call(), &error))
            }
        }
    }

    /// A request of this slot was not answered in time.
    pub(super) async fn silent(&self, slot: u16) {
        if let Some((_, node)) = self.owner(slot) {
            node.silent();
        }
        self.look().await;
    }

    /// The version of the servers, as one of them said.
    pub(super) fn version(&self) -> Option<(u64, u64)> {
        self.topology().version()
    }

    /// Says goodbye and closes.
    pub(super) async fn close(&self) {
        let nodes: Vec<_> = self.nodes().drain().map(|(_, node)| node).collect();
        let closing: FuturesUnordered<_> = nodes.iter().map(|node| node.close()).collect();
        closing.collect::<()>().await;
    }

    /// Asks one server, until it answers or the slot has another owner.
    async fn ask(&self, server: &Server, node: &Node, request: &impl Request, began: Instant) -> Next {
        node.heed().await;
        let asked = Instant::now();
        let mut answer = pin!(request.send(node.client()));
        let answer = loop {
            let left = self.call_timeout.saturating_sub(began.elapsed());
            if let Ok(answer) = tokio::time::timeout(left.min(PATIENCE), answer.as_mut()).await {
                break answer;
            }
            if asked.elapsed() >= node.silence() && node.may_be_dead() {
                node.silent();
                tokio::select! {
                    answer = answer.as_mut() => break answer,
                    () = node.replace(PATIENCE) => {}
                }
            }
            self.look().await;
            let error = self.unanswered(node, request.call());
            if began.elapsed() >= self.call_timeout {
                return Next::Return(Err(error));
            }
            if self.topology().owner(request.slot()).as_ref() != Some(server) {
                return Next::Again(error);
            }
        };
        match answer {
            Ok(answer) => Next::Return(Ok(answer)),
            Err(error) if self.follow(request.slot(), server, &error).await => {
                Next::Again(self.unavailable("the queue is on its way to another server of the cluster"))
            }
            Err(error) => {
                let told = node.error(request.call(), &error);
                if matches!(told, BrokerError::Unavailable { .. }) {
                    self.look().await;
                    Next::Again(self.reason(node).unwrap_or(told))
                } else {
                    Next::Return(Err(node.refused(request.call(), &error)))
                }
            }
        }
    }

    /// Whether an error sends the caller elsewhere, or tells it to come again. Takes note of where.
    async fn follow(&self, slot: u16, asked: &Server, error: &Error) -> bool {
        let details = error.details();
        if let Some((moved, server)) = redirection(details, asked) {
            if !self.topology().knows(&server) {
                self.look().await;
            }
            if self.topology().owner(slot).as_ref() == Some(asked) {
                self.topology().learn(moved, server);
            }
            return true;
        }
        // Half of the keys are here and half are there: whoever asks only one of the two gets nowhere.
        details.starts_with("ASK ") || details.starts_with("TRYAGAIN")
    }

    /// The owner of a slot and the connection to it.
    fn owner(&self, slot: u16) -> Option<(Server, Arc<Node>)> {
        let server = self.topology().owner(slot)?;
        let mut nodes = self.nodes();
        let node = nodes
            .entry(server.clone())
            .or_insert_with(|| Arc::new(Node::start(&self.settings, Some(&server), self.call_timeout)));
        let node = Arc::clone(node);
        drop(nodes);
        Some((server, node))
    }

    /// Asks who owns what, unless that has just been done.
    async fn look(&self) {
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|looked| looked.elapsed() < LOOK_AGAIN) {
            return;
        }
        let owners = match self.ask_connected().await {
            Some(owners) => Ok(owners),
            None => self.ask_anyone().await,
        };
        match owners {
            Ok(owners) => {
                // Connections of calls that are under way stay until these have ended.
                let servers = owners.servers();
                self.nodes().retain(|server, _| servers.contains(server));
                self.topology().replace(owners);
            }
            Err(error) => tracing::debug!(%error, "no server of the cluster says who owns what"),
        }
        *looked = Some(Instant::now());
    }

    /// Asks the servers there are connections to; the first answer counts.
    async fn ask_connected(&self) -> Option<Owners> {
        let connected: Vec<_> = self.nodes().iter().map(|(server, node)| (server.clone(), Arc::clone(node))).collect();
        let connected = connected.into_iter().filter(|(_, node)| node.client().is_connected());
        let mut asked: FuturesUnordered<_> =
            connected.map(async |(server, node)| owners(&server, &node).await).collect();
        let first = async {
            while let Some(owners) = asked.next().await {
                if owners.is_ok() {
                    return owners.ok();
                }
            }
            None
        };
        tokio::time::timeout(PATIENCE, first).await.ok().flatten()
    }

    /// Asks the servers of the address and the primaries that are known, over connections that are not kept; the first answer
    /// counts.
    async fn ask_anyone(&self) -> Result<Owners, BrokerError> {
        let mut servers = self.topology().servers();
        let named = self.settings.servers().into_iter().filter(|server| !servers.contains(server)).collect::<Vec<_>>();
        servers.extend(named);
        let mut asked: FuturesUnordered<_> = servers
            .iter()
            .map(async |server| {
                let mut node = Node::start(&self.settings, Some(server), LOOK);
                node.connected(&self.settings).await?;
                owners(server, &node).await
            })
            .collect();
        let mut error = None;
        while let Some(owners) = asked.next().await {
            match owners {
                Ok(owners) => return Ok(owners),
                // The first error is of the server that answered first: it says more than one that is away.
                Err(other) => error = error.or(Some(other)),
            }
        }
        Err(error.unwrap_or_else(|| self.unavailable("the address names no server")))
    }

    /// Why there is no answer from a server.
    fn unanswered(&self, node: &Node, call: &'static str) -> BrokerError {
        self.reason(node).unwrap_or_else(|| BrokerError::Timeout {
            address: node.address().to_owned(),
            call,
            waited: self.call_timeout,
        })
    }

    /// What the server of a connection told, where it cannot serve.
    fn reason(&self, node: &Node) -> Option<BrokerError> {
        node.trouble().filter(is_passing).map(|error| BrokerError::Unavailable {
            address: node.address().to_owned(),
            reason: server_words(error.details()).to_owned(),
            source: None,
        })
    }

    fn unavailable(&self, reason: &str) -> BrokerError {
        let address = self.settings.address().to_owned();
        BrokerError::Unavailable { address, reason: reason.to_owned(), source: None }
    }

    fn topology(&self) -> &Topology {
        self.settings.topology()
    }

    fn nodes(&self) -> MutexGuard<'_, HashMap<Server, Arc<Node>>> {
        // Each change leaves it whole.
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server says of who owns what.
async fn owners(server: &Server, node: &Node) -> Result<Owners, BrokerError> {
    let command = CustomCommand::new_static("CLUSTER", ClusterHash::Random, false);
    let answer = tokio::time::timeout(LOOK, node.client().custom::<Answer, _>(command, vec!["SLOTS"])).await;
    let answer = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(node.error("connect", &error)),
        Err(_) => {
            return Err(BrokerError::Timeout { address: node.address().to_owned(), call: "connect", waited: LOOK });
        }
    };
    Owners::parse(answer, server, node.version()).ok_or_else(|| BrokerError::Unavailable {
        address: node.address().to_owned(),
        reason:
            "it belongs to no cluster whose slots are served, or says so in a way that this version does not understand"
                .to_owned(),
        source: None,
    })
}
