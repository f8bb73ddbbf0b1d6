//! [`Command`]: a command of the server that is no script.

use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, Value as Answer};
use fred::util::redis_keyslot;

use super::connect::Connection;
use super::request::Request;
use super::script::Reply;
use super::value::Value;
use crate::broker::BrokerError;

/// What to ask, of the server that holds a key.
pub(crate) struct Command {
    /// What errors call it.
    call: &'static str,
    name: &'static str,
    slot: u16,
    blocks: bool,
    args: Vec<Value>,
}

impl Command {
    /// The command `name` on `key`, which becomes its first argument.
    pub(crate) fn on(call: &'static str, name: &'static str, key: &str, args: impl IntoIterator<Item = Value>) -> Self {
        let mut all = Vec::with_capacity(4);
        all.push(key.into());
        all.extend(args);
        Self { call, name, slot: redis_keyslot(key.as_bytes()), blocks: false, args: all }
    }

    /// The command `name`, which does not name a key, on the server that holds `key`.
    pub(crate) fn beside(call: &'static str, name: &'static str, key: &str, args: Vec<Value>) -> Self {
        Self { call, name, slot: redis_keyslot(key.as_bytes()), blocks: false, args }
    }

    /// The server may take its time; nothing else can use the connection meanwhile.
    pub(crate) fn blocking(mut self) -> Self {
        self.blocks = true;
        self
    }
}

impl Request for Command {
    fn call(&self) -> &'static str {
        self.call
    }

    fn slot(&self) -> u16 {
        self.slot
    }

    async fn send(&self, client: &Client) -> Result<Answer, Error> {
        let command = CustomCommand::new_static(self.name, ClusterHash::Custom(self.slot), self.blocks);
        let args: Vec<_> = self.args.iter().map(Value::to_client).collect();
        client.custom(command, args).await
    }
}

impl Connection {
    /// Runs a command, which has to be safe to run twice. The reply is read as a list, a single value as a list of one.
    pub(crate) async fn command(&self, command: Command) -> Result<Reply<'_>, BrokerError> {
        let reply = self.call(&command).await?;
        Ok(Reply::of(self, command.call, reply))
    }

    /// Runs a command once; it is an error of time when the server has not answered within `at_most`, and the connection is
    /// then to be thrown away. `None` where its keys are on their way to another server of the cluster: look for them again.
    pub(crate) async fn command_once(
        &self,
        command: &Command,
        at_most: Duration,
    ) -> Result<Option<Reply<'_>>, BrokerError> {
        match tokio::time::timeout(at_most, self.call_once(command)).await {
            Ok(reply) => Ok(reply?.map(|reply| Reply::of(self, command.call, reply))),
            Err(_) => {
                self.silent(command).await;
                Err(BrokerError::Timeout { address: self.address().to_owned(), call: command.call, waited: at_most })
            }
        }
    }
}
